import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { createParlor } from "../../../src/worker/parlor.ts";

const KINDS = { default: { text: "any", anonymous: true } };

/** The problems of a server's configuration, or none if it starts. */
function problemsOf(bindings: object, kinds: object = KINDS): readonly string[] {
  try {
    createParlor({ kinds: kinds as typeof KINDS, env: { ...env, ...bindings } });
    return [];
  } catch (error) {
    return (error as Error).message.split("\n").slice(1);
  }
}

describe("an invalid configuration", () => {
  it("[W5] a server with a bad configuration does not start, and names all problems at once: variables, tokens, keys, bindings, kinds", () => {
    const wrong = {
      MAX_MEMBERS: "many",
      MAX_FRAME_BYTE: "1024",
      ALLOWED_ORIGINS: "app.example.com",
      TOKEN_SECRETS: "hush",
      TOKEN_JWKS_URL: "id.example.com",
      ADMIN_KEYS: "prl_hush",
      ROOM: undefined,
      REGISTRY: undefined,
      JOINS_PER_ADDRESS: "100",
    };
    const problems = problemsOf(wrong, { default: { ...KINDS.default, maxMember: 7 } });

    const named = problems.map((line) => /^ {2}- (kind "default"|[A-Z_]+)/.exec(line)?.[1]);
    expect(new Set(named)).toEqual(
      new Set([...Object.keys(wrong).filter((name) => name !== "REGISTRY"), 'kind "default"']),
    );
    expect(problems.join()).not.toContain("hush");
  });

  it.each([
    ["JOINS_PER_ADDRESS", "100"],
    ["REQUESTS_PER_ADDRESS", { simple: { limit: 100 } }],
    ["ROOM", "Room"],
    ["REGISTRY", "Registry"],
  ])("[L3 W5] a server does not start if the binding %s is something else", (name, value) => {
    expect(problemsOf({ [name]: value })).toEqual([expect.stringContaining(`- ${name} is not`)]);
  });
});

describe("a configuration that may be meant for later", () => {
  it("[D1 W5] a server with kinds that nobody can join and options without effect starts, and logs them", () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const kinds = { ...KINDS, doc: { text: "a token is needed" } };

    const problems = problemsOf({ TOKEN_SECRETS: "", TOKEN_ISSUER: "https://id.example" }, kinds);
    const lines = warned.mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, string>);
    warned.mockClear();
    problemsOf({}, kinds);
    const silent = warned.mock.calls.filter(([line]) => String(line).includes("config_doubtful"));
    warned.mockRestore();

    expect(problems).toEqual([]);
    expect(lines.filter(({ event }) => event === "config_doubtful")).toMatchObject([
      { problem: expect.stringContaining('nobody can join rooms of "doc"') as string },
      { problem: expect.stringContaining("TOKEN_ISSUER and TOKEN_AUDIENCE have no effect") as string },
    ]);
    expect(silent).toEqual([]);
  });
});
