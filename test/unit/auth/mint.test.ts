import { execFile } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Claims } from "../../../src/auth/claims.ts";
import { readTokenRules } from "../../../src/auth/rules.ts";
import { TokenVerifier } from "../../../src/auth/verifier.ts";
import { projectRoot, scratchDir, toolEnvironment } from "../../support/project.ts";

/** What the command printed, and how it ended. */
interface Run {
  readonly out: string;
  readonly err: string;
  readonly status: number;
}

let folder: string;
beforeEach(() => {
  folder = scratchDir("mint");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command that `npm run token` runs, in a folder of its own. */
function token(...args: readonly string[]): Promise<Run> {
  const script = join(projectRoot, "src/auth/mint.ts");
  const node = join(projectRoot, "node_modules/.bin/node");
  return new Promise((resolve) => {
    execFile(node, [script, ...args], { cwd: folder, env: toolEnvironment(folder) }, (error, out, err) =>
      resolve({ out, err, status: error === null ? 0 : Number(error.code) }),
    );
  });
}

function devVars(): string {
  return readFileSync(join(folder, ".dev.vars"), "utf8");
}

/** The claims that a server with these secrets reads from a token. */
async function claimsOf(text: string, tokenSecrets: string): Promise<Claims> {
  const none = {
    tokenKeys: "",
    tokenJwksUrl: "",
    tokenIssuer: "",
    tokenAudience: "",
    tokenClockToleranceS: 0,
  };
  const { rules, problems } = readTokenRules({ ...none, tokenSecrets });
  expect(problems).toEqual([]);
  const checked = await new TokenVerifier(rules, () => Date.now()).verify(text.trim());
  if (!checked.ok) throw new Error(`the token is rejected: ${checked.error.message}`);
  return checked.value;
}

describe("npm run token", () => {
  it("[D4] package.json runs this command as npm run token", () => {
    const { scripts } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as {
      readonly scripts: Record<string, string>;
    };

    expect(scripts["token"]).toBe("node src/auth/mint.ts");
  });

  it("[D3 D4 D6] npm run token generates a secret if there is none, and signs a token that a server accepts", async () => {
    const first = await token();
    const secret = /^TOKEN_SECRETS="(.{43})"\n$/.exec(devVars())?.[1] ?? "";
    const second = await token("--user", "bob");

    expect(first).toMatchObject({
      status: 0,
      err: expect.stringContaining("Added a new TOKEN_SECRETS to .dev.vars") as string,
    });
    expect(first.out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/); // nothing else, so that `$(npm run -s token)` works
    expect(second).toMatchObject({ status: 0, err: "" });
    expect(await claimsOf(first.out, secret)).toMatchObject({
      user: "ana",
      rooms: [["*", ["join", "publish", "presence", "history", "state", "members"]]],
    });
    expect((await claimsOf(second.out, secret)).user).toBe("bob");
    expect(first.out + second.out).not.toContain(secret);
    expect(statSync(join(folder, ".dev.vars")).size).toBe(60);
  });

  it("[D3 D4 D6] npm run token puts the given options into the token", async () => {
    const { out } = await token(
      ...["--user", "bob", "--rooms", "doc:*=join, publish:chat.*", "--rooms", "lobby=join"],
      ...["--rooms", "doc:*=history", "--info", '{"role":"host"}', "--expires", "15m", "--id", "t-1"],
      ...["--issuer", "https://issuer", "--audience", "parlor"],
    );
    const claims = await claimsOf(out, /"(.*)"/.exec(devVars())?.[1] ?? "");
    const payload = JSON.parse(Buffer.from(out.split(".")[1] ?? "", "base64url").toString()) as object;

    expect(claims).toMatchObject({
      ...{ user: "bob", info: '{"role":"host"}', tokenId: "t-1" },
      rooms: [
        ["doc:*", ["join", "publish:chat.*", "history"]],
        ["lobby", ["join"]],
      ],
    });
    expect((claims.expiresAt ?? 0) - Date.now()).toBeGreaterThan(14 * 60_000);
    expect((claims.expiresAt ?? 0) - Date.now()).toBeLessThanOrEqual(15 * 60_000);
    expect(payload).toMatchObject({
      iss: "https://issuer",
      aud: "parlor",
      iat: expect.any(Number) as number,
    });
  });

  const SECRET = "a-secret-of-more-than-thirty-two-characters";

  it.each([
    ["plain", `TOKEN_SECRETS=${SECRET}`],
    ["in double quotes", `TOKEN_SECRETS="${SECRET}"`],
    ["in single quotes", `TOKEN_SECRETS='${SECRET}'`],
    ["in backticks", `TOKEN_SECRETS=\`${SECRET}\``],
    ["with blanks", `  TOKEN_SECRETS = ${SECRET}  `],
    ["exported, with a comment", `export TOKEN_SECRETS=${SECRET} # for development`],
    ["with Windows line endings", `A=1\r\nTOKEN_SECRETS=${SECRET}\r\nB=2\r\n`],
    ["the first of several, plain", `TOKEN_SECRETS=${SECRET} , ${"x".repeat(32)}`],
    ["the first of several", `TOKEN_SECRETS="${SECRET}, ${"x".repeat(32)}"`],
    [
      "among others",
      `# TOKEN_SECRETS=${"y".repeat(32)}\nMY_TOKEN_SECRETS=${"z".repeat(32)}\nTOKEN_SECRETS=${SECRET}`,
    ],
  ])("[D4] npm run token signs with an existing secret: %s", async (_how, lines) => {
    writeFileSync(join(folder, ".dev.vars"), lines);

    const { out, err } = await token();

    expect((await claimsOf(out, SECRET)).user).toBe("ana");
    expect(err).toBe("");
    expect(devVars()).toBe(lines);
  });

  it("[D4] npm run token signs with a secret of any characters that can be quoted", async () => {
    const odd = "#1: it's a secret of = many $characters";
    writeFileSync(join(folder, ".dev.vars"), `TOKEN_SECRETS=" ${odd} , other"\n`);

    const { out } = await token();

    expect((await claimsOf(out, odd)).user).toBe("ana");
  });

  it.each(["", "OTHER=1", "OTHER=1\n", 'TOKEN_SECRETS=""\n', "#TOKEN_SECRETS=x\n"])(
    "[D4] npm run token adds a secret to a file without one (%j), and keeps the rest of the file",
    async (lines) => {
      writeFileSync(join(folder, ".dev.vars"), lines);

      const { out } = await token();

      expect(devVars().startsWith(lines)).toBe(true);
      expect(devVars().slice(lines.length)).toMatch(/^\n?TOKEN_SECRETS=".{43}"\n$/);
      const secret = /"(.{43})"\n$/.exec(devVars())?.[1] ?? "";
      expect((await claimsOf(out, secret)).user).toBe("ana");
    },
  );

  it("[D6] npm run token --help prints the options and creates nothing", async () => {
    const { out, err, status } = await token("--help");

    for (const name of ["--user", "--rooms", "--info", "--expires", "--id", "--issuer", "--audience"]) {
      expect(out).toContain(name);
    }
    for (const capability of ["join", "publish", "moderate"]) expect(out).toContain(`\n  ${capability} `);
    expect([err, status]).toEqual(["", 0]);
    expect(existsSync(join(folder, ".dev.vars"))).toBe(false);
  });

  it.each<[string, readonly string[], string]>([
    ["an unknown option", ["--usr", "x"], "Unknown option '--usr'"],
    ["an unexpected argument", ["ana"], "Unexpected argument 'ana'"],
    ["an option without its value", ["--user"], "--user <value>' argument missing"],
    ["a value that is an option", ["--user", "--help"], "argument is ambiguous"],
    ["a flag with a value", ["--help=x"], "does not take an argument"],
    ["an empty user", ["--user", ""], 'sub is "", must be the user, a string of 1-128 characters'],
    [
      "a user that is too long",
      ["--user", "a".repeat(129)],
      "must be the user, a string of 1-128 characters",
    ],
    [
      "rooms without capabilities",
      ["--rooms", "doc:*"],
      'must be a pattern and capabilities, such as "doc:*=join,publish"',
    ],
    [
      "rooms without a name",
      ["--rooms", "=join"],
      'must be a pattern and capabilities, such as "doc:*=join,publish"',
    ],
    ["rooms with nothing allowed", ["--rooms", "doc:*="], '"", which is not a capability'],
    ["a capability that does not exist", ["--rooms", "*=join,fly"], '"fly", which is not a capability'],
    [
      "a capability that objects inherit",
      ["--rooms", "*=constructor"],
      '"constructor", which is not a capability',
    ],
    ["info that is not valid JSON", ["--info", "host"], "is not valid JSON"],
    [
      "info that is too large",
      ["--info", JSON.stringify("x".repeat(2_000))],
      "info is 2002 bytes, the limit is 1024",
    ],
    [
      "a lifetime that is not one",
      ["--expires", "soon"],
      '--expires "soon" is not a lifetime such as 15m, 12h, 30d',
    ],
    ["a lifetime without a unit", ["--expires", "900"], "is not a lifetime such as"],
    ["an id that is too long", ["--id", "x".repeat(129)], "must be a string of up to 128 characters"],
  ])("[D6] npm run token rejects %s with one plain sentence", async (_what, args, sentence) => {
    const { out, err, status } = await token(...args);

    expect([out, status]).toEqual(["", 1]);
    expect(err).toContain(sentence);
    expect(err).toMatch(/^[^\n]{1,400}; see --help\n$/);
    expect(err).not.toMatch(/Error|\bat \S+:\d+|mint\.ts/);
    expect(existsSync(join(folder, ".dev.vars"))).toBe(false);
  });

  it("[D4] npm run token reports that the file cannot be read", async () => {
    await token();
    rmSync(join(folder, ".dev.vars"));
    writeFileSync(join(folder, "file"), "");
    const { err, status } = await new Promise<Run>((resolve) => {
      // A folder with that name cannot be read as a file.
      execFile("mkdir", [join(folder, ".dev.vars")], () => resolve(token()));
    });

    expect(status).toBe(1);
    expect(err).toMatch(/^EISDIR[^\n]*\n$/);
  });
});
