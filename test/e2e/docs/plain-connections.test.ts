import type { Browser, Page } from "playwright-core";
import { describe, expect } from "vitest";
import { startBareRuntime } from "../../support/bare-runtime.ts";
import { browserAvailable, launchBrowser } from "../../support/browser.ts";
import { at, inBackground } from "../../support/sample-project.ts";
import { itWithServer } from "../../support/sample-server.ts";
import { samplesOf } from "../../support/samples.ts";
import type { ServerProcess } from "../../support/server-process.ts";
import { joinWebSocket } from "../../support/websocket-member.ts";

const why = browserAvailable.ok ? "" : ` (skipped: ${browserAvailable.why})`;

const [webSocket, eventSource, wscat, readEvents, act, firstPoll, nextPoll, read] = samplesOf(
  "docs/plain-connections.md",
  "js",
  "js",
  "sh",
  "sh",
  "sh",
  "sh",
  "sh",
  "sh",
);

const it = itWithServer(() => startBareRuntime());

describe.skipIf(!browserAvailable.ok)("the samples for browsers in docs/plain-connections.md", () => {
  it(`[G4 G5] the samples for WebSocket and EventSource in docs/plain-connections.md receive each other's messages${why}`, async ({
    server,
  }) => {
    await using browser = await launchBrowser();
    const reader = await openPage(browser, server);
    await reader.page.addScriptTag({ content: at(server, eventSource) });
    const writer = await openPage(browser, server);

    await writer.page.addScriptTag({ content: at(server, webSocket) });

    await expect.poll(() => reader.logged).toContain("chat hi");
    const guest = await joinWebSocket(server, "lobby");
    await guest.publish("chat", "hi from a guest");
    await expect.poll(() => reader.logged).toContain("chat hi from a guest");
    guest.vanish();
  });

  it(`[G3 G4] the sample for WebSocket in docs/plain-connections.md reconnects without publishing again${why}`, async ({
    server,
  }) => {
    await using browser = await launchBrowser();
    const { page, logged } = await openPage(browser, server);
    const code = at(server, webSocket).replaceAll("rooms/lobby", "rooms/reconnects");
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

describe("the samples for a terminal in docs/plain-connections.md", () => {
  it("[A1 F7] wscat publishes a message and receives a pong", async ({ project, server }) => {
    const [command = "", ...lines] = at(server, wscat).trim().split("\n");
    const input = lines.map((line) => line.replace(/^> /, ""));
    // The pipe stays open, like a keyboard. The input is sent after the welcome.
    const { stdout } = await project.shell(
      `: > output
       mkfifo keys
       ${command} < keys > output &
       exec 3> keys
       until grep -q welcome output; do sleep 0.05; done
       printf '%s\\n' '${input.join("' '")}' >&3
       until grep -q pong output && grep -q '"ack"' output; do sleep 0.05; done
       cat output`,
    );

    expect(stdout).toMatch(/"hi from wscat"[^]*"type":"ack"/);
    expect(stdout).toContain('"type":"pong"');
  });

  it("[G5 H1 H5 J3] curl reads events with a key, publishes by POST, and reads the room", async ({
    project,
    server,
  }) => {
    const { stdout, stderr, status } = await project.shell(
      `: > events
       ${inBackground(at(server, readEvents), "curl", "events")}
       until grep -q welcome events; do sleep 0.05; done
       SESSION=$(sed -n 's/.*"session":"\\([^"]*\\)".*/\\1/p' events)
       ${at(server, act)}
       ${at(server, read)}
       until grep -q 'hi from curl' events; do sleep 0.05; done`,
    );

    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    const [ack, room, history, members, state] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(ack).toMatchObject({ type: "ack", ref: 1 });
    expect(room).toMatchObject({ room: "lobby" });
    expect(JSON.stringify(history)).toContain('"data":"hi from curl"');
    expect(members).toMatchObject({ members: expect.any(Array) as unknown[] });
    expect(state).toMatchObject({ state: {} });
  });
});

describe("the samples for a network without streams in docs/plain-connections.md", () => {
  it("[G5 H1 J3 Q1 Q2 Q5] curl polls with a key, continues from the response, and receives what is published meanwhile", async ({
    project,
    server,
  }) => {
    const { stdout, stderr, status } = await project.shell(
      `{ ${at(server, firstPoll)} } > first
       field() { sed -n 's/.*"'$1'":"\\([^"]*\\)".*/\\1/p' first; }
       AFTER=$(field position) ROSTER=$(field roster) SESSION=$(field session)
       { ${at(server, nextPoll)} } > next &
       ${at(server, act)}
       wait
       cat first next`,
    );

    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    const [ack, first, next] = stdout
      .trim()
      .split(/\n+/)
      .map((line) => JSON.parse(line) as unknown);
    expect(ack).toMatchObject({ type: "ack", ref: 1 });
    expect(first).toMatchObject([{ type: "welcome" }, { type: "position", reason: "polled" }]);
    expect(JSON.stringify(next)).toContain('"data":"hi from curl"');
    expect(next).not.toContainEqual(expect.objectContaining({ type: "welcome" }));
  });
});

/** Opens a page of the server's origin, in which samples run, and collects their log. */
async function openPage(browser: Browser, server: ServerProcess): Promise<{ page: Page; logged: string[] }> {
  const page = await (await browser.newContext()).newPage();
  const logged: string[] = [];
  page.on("console", (message) => logged.push(message.text()));
  await page.goto(`${server.url}/healthz`);
  return { page, logged };
}
