import { spawn, spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { Page } from "playwright-core";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { browserAvailable, launchBrowser } from "../support/browser.ts";
import { absolute, read } from "../support/repository.ts";
import { scratchDir } from "../support/project.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { startServer } from "../support/server.ts";
import { joinWebSocket } from "../support/websocket-member.ts";

const why = browserAvailable.ok ? "" : ` (skipped: ${browserAvailable.why})`;

const readme = read("README.md");

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** The samples of README in a language, in order, for a server other than the one of `npm run dev`. */
function samples(language: string, of: ServerProcess = server): string[] {
  const blocks = readme.match(new RegExp(`(?<=\`\`\`${language}\n)[^]*?(?=\`\`\`)`, "g")) ?? [];
  return blocks.map((code) => code.replaceAll("localhost:8787", new URL(of.url).host));
}

/** The one sample in a language that holds a text. */
function sample(language: string, holding: string, of?: ServerProcess): string {
  const found = samples(language, of).filter((code) => code.includes(holding));
  if (found.length !== 1) throw new Error(`${found.length} samples in ${language} hold ${holding}`);
  return found[0] ?? "";
}

/** Opens a page of the server's origin, where samples can be run, and collects what they log. */
async function openPage(
  browser: Awaited<ReturnType<typeof launchBrowser>>,
): Promise<{ page: Page; logged: string[] }> {
  const page = await (await browser.newContext()).newPage();
  const logged: string[] = [];
  page.on("console", (message) => logged.push(message.text()));
  await page.goto(`${server.url}/healthz`);
  return { page, logged };
}

describe.skipIf(!browserAvailable.ok)("the samples for browsers", () => {
  it(`[G4 G5] README's samples for WebSocket and EventSource run on their own, and each receives the other's messages${why}`, async () => {
    await using browser = await launchBrowser();
    expect(samples("js")).toHaveLength(2);
    const reader = await openPage(browser);
    await reader.page.addScriptTag({ content: sample("js", "new EventSource(") });
    const writer = await openPage(browser);

    await writer.page.addScriptTag({ content: sample("js", "new WebSocket(`") });

    await expect.poll(() => reader.logged).toContain("chat hi");
    const guest = await joinWebSocket(server, "lobby");
    await guest.publish("chat", "hi from a guest");
    await expect.poll(() => reader.logged).toContain("chat hi from a guest");
    guest.vanish();
  });

  it(`[G3 G4] README's sample for WebSocket reconnects without publishing again${why}`, async () => {
    await using browser = await launchBrowser();
    const { page, logged } = await openPage(browser);
    const code = sample("js", "new WebSocket(`").replaceAll("rooms/lobby", "rooms/reconnects");
    const welcomes = (): number => logged.filter((line) => line.startsWith("welcome")).length;
    await page.addScriptTag({ content: code });
    await expect.poll(() => logged.some((line) => line.startsWith("ack"))).toBe(true);

    await page.evaluate("socket.close(3000)");
    await expect.poll(welcomes, { timeout: 10_000 }).toBe(2);

    await page.evaluate("publish('chat', 'bye')");
    await expect.poll(() => logged.filter((line) => line.startsWith("ack")).length).toBe(2);
    const history = await fetch(`${server.url}/rooms/reconnects/history?after=0`);
    const { messages } = (await history.json()) as { messages: { data: string }[] };
    expect(messages.map(({ data }) => data)).toEqual(["hi", "bye"]);
  });
});

describe("the samples for a terminal", () => {
  it("[G5 H1 H5 J3] README's lines make a key, read events with curl, publish by POST, and read the history", () => {
    const line = (start: string): string => {
      const found = new RegExp(`^${start}(?:.*\\\\\n)*.*$`, "m").exec(samples("sh").join("\n"))?.[0];
      if (found === undefined) throw new Error(`README has no line that begins with ${start}`);
      return found;
    };
    const history = (/`(curl [^`]*history[^`]*)`/.exec(readme)?.[1] ?? "").replace(
      "localhost:8787",
      new URL(server.url).host,
    );

    const { stdout, stderr, status } = bash(`
      ${line("KEY=")}
      ${line("curl -N").replace("curl -N", "curl -sN")} > "$FOLDER/events" &
      READER=$!
      until grep -q welcome "$FOLDER/events"; do sleep 0.05; done
      SESSION=$(sed -n 's/.*"session":"\\([^"]*\\)".*/\\1/p' "$FOLDER/events")
      ${line("curl http").replace("curl ", "curl -s ")}
      echo
      ${history.replace("curl ", "curl -s ")}
      until grep -q 'hi from curl' "$FOLDER/events"; do sleep 0.05; done
      kill $READER`);

    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    const [ack = "", page = ""] = stdout.split("\n");
    expect(JSON.parse(ack)).toMatchObject({ type: "ack", ref: 1 });
    expect((JSON.parse(page) as { messages: unknown[] }).messages.at(-1)).toMatchObject({
      data: "hi from curl",
    });
  });

  it("[A1 F7] README's lines for wscat publish a message and are answered by a pong", async () => {
    const [command = "", ...lines] = sample("sh", "wscat").split("\n\n")[0]?.trim().split("\n") ?? [];
    const [, ...words] = command.split(" "); // without npx: the tool is installed here
    const wscat = spawn(absolute(`node_modules/.bin/${words[0]}`), words.slice(1), { stdio: "pipe" });
    let output = "";
    wscat.stdout.on("data", (chunk: Buffer) => (output += String(chunk)));
    await expect.poll(() => output, { timeout: 20_000 }).toContain('"type":"welcome"');

    for (const line of lines) wscat.stdin.write(`${line.replace(/^> /, "")}\n`);

    await expect.poll(() => output).toMatch(/"hi from wscat"[^]*"type":"ack"/);
    await expect.poll(() => output).toContain('"type":"pong"');
    wscat.kill("SIGKILL");
  });

  it("[D2 D10 D11] README's lines for tokens make a token, a ticket and a revocation on a developer's machine", async () => {
    const folder = folderOfTest();
    const settings = bash(
      `cd "$FOLDER"
       ${sample("sh", "TOKEN=$(npm run -s token")}
       ${sample("sh", "ADMIN_KEY=prl_")}
       printf '%s\\n%s' "$TOKEN" "$ADMIN_KEY"`,
      folder,
    );
    expect(settings.status).toBe(0);
    const [TOKEN = "", ADMIN_KEY = ""] = settings.stdout.split("\n");
    // `npm run dev` reads this file when it starts, and so does this server.
    const vars = Object.fromEntries(
      [...readFileSync(join(folder, ".dev.vars"), "utf8").matchAll(/^(\w+)="?([^"\n]+)"?$/gm)].map(
        ([, name = "", value = ""]) => [name, value],
      ),
    );
    await using own = await startBareRuntime({ vars });
    const [askForTicket = "", readEvents = ""] = sample("sh", "/ticket", own).trim().split("\n");
    const [revokeUser = "", revokeToken = "", list = ""] = sample("sh", "/admin/revocations", own)
      .trim()
      .split("\n");
    const quietly = (line: string): string =>
      line.replace(/ +#.*/, "").replace("curl ", "curl -s --max-time 20 ");

    const { stdout, status } = bash(
      `TOKEN='${TOKEN}' ADMIN_KEY='${ADMIN_KEY}'
       TICKET=$(${quietly(askForTicket)} | sed 's/.*"ticket":"\\([^"]*\\)".*/\\1/')
       (${quietly(readEvents)} || true) > "$FOLDER/events" &
       until grep -q welcome "$FOLDER/events"; do sleep 0.05; done
       ${quietly(revokeUser)}; echo
       ${quietly(revokeToken)}; echo
       ${quietly(list)}; echo
       until grep -q '"code":4503' "$FOLDER/events"; do sleep 0.05; done
       grep -o '"user":"ana"' "$FOLDER/events" | head -n 1`,
      folder,
    );

    expect(status).toBe(0);
    const [user = "", token = "", all = "", told = ""] = stdout.trim().split("\n");
    expect(JSON.parse(user)).toMatchObject({ removed: { "chat:team-7": 1 } });
    expect(JSON.parse(token)).toMatchObject({ revocation: { id: "a-jti" } });
    expect((JSON.parse(all) as { revocations: unknown[] }).revocations).toHaveLength(2);
    expect(told).toBe('"user":"ana"');
  });
});

/** Makes a folder that is removed with the test. */
function folderOfTest(): string {
  const folder = scratchDir("readme");
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Runs lines in a shell, where `npm run -s token` is the script of this project, and $FOLDER a folder to write to. */
function bash(
  script: string,
  folder = folderOfTest(),
): { stdout: string; stderr: string; status: number | null } {
  const npm = `npm() { shift 4; "${process.execPath}" "${absolute("src/auth/mint.ts")}" "$@"; }`;
  return spawnSync(
    "bash",
    ["-c", `set -e\n: > "$FOLDER/events" # a reader in the background may open it late\n${npm}\n${script}`],
    {
      encoding: "utf8",
      timeout: 60_000,
      env: { ...process.env, FOLDER: folder },
    },
  );
}
