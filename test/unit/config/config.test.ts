import { describe, expect, it } from "vitest";
import { settleConfig, type Variables } from "../../../src/config/config.ts";
import type { Kinds } from "../../../src/config/kinds.ts";
import type { NumberOption } from "../../../src/config/option-types.ts";
import { OPTIONS } from "../../../src/config/options.ts";
import { kinds } from "../../../src/rooms.ts";
import { readConfig } from "../../support/config.ts";

const KINDS: Kinds = { default: { text: "any" } };

/** The problems of a configuration; empty if the server can start. */
function problemsOf(variables: Variables, of: Record<string, unknown> = KINDS): readonly string[] {
  return settleConfig(variables, of as Kinds).problems;
}

const numbers = Object.entries(OPTIONS).filter(
  (entry): entry is [string, (typeof entry)[1] & NumberOption] => "min" in entry[1],
);

describe("values", () => {
  it("[W5] without variables every option has its default", () => {
    const { server, kinds: settled } = readConfig({}, KINDS);

    expect({ ...server, ...settled.get("default") }).toMatchObject(
      Object.fromEntries(Object.entries(OPTIONS).map(([name, option]) => [name, option.default])),
    );
  });

  it("[W5] this server's own kinds are valid with the default options", () => {
    expect(problemsOf({}, kinds)).toEqual([]);
  });

  it("[W5] a kind's own value overrides the variable, and the variable overrides the default", () => {
    const { kinds: settled } = readConfig(
      { MAX_MEMBERS: "7" },
      { ...KINDS, small: { text: "few", maxMembers: 3 } },
    );

    expect(settled.get("default")?.maxMembers).toBe(7);
    expect(settled.get("small")?.maxMembers).toBe(3);
    expect(settled.get("small")?.name).toBe("small");
  });

  it("[W5] a variable can be a number, or empty for the default", () => {
    expect(readConfig({ MAX_MEMBERS: 7 }, KINDS).kinds.get("default")?.maxMembers).toBe(7);
    expect(readConfig({ MAX_MEMBERS: "" }, KINDS).kinds.get("default")?.maxMembers).toBe(
      OPTIONS.maxMembers.default,
    );
  });

  it("[W5] other bindings are ignored", () => {
    expect(problemsOf({ ROOM: {}, SOMETHING: 1, constructor: "x" })).toEqual([]);
  });
});

describe("bounds", () => {
  /** The problems that name this variable. Its bounds may contradict another option's default. */
  const about = (env: string, value: unknown): readonly string[] =>
    problemsOf({ [env]: value }).filter((problem) => problem.startsWith(`${env} is `));

  it.each(numbers)(
    "[L1 W5] %s accepts values from its minimum to its maximum, and no others",
    (_name, { env, min, max }) => {
      expect(about(env, String(min))).toEqual([]);
      expect(about(env, String(max))).toEqual([]);
      expect(about(env, String(min - 1))).toHaveLength(1);
      expect(about(env, String(max + 1))).toHaveLength(1);
    },
  );

  it.each(["1.5", "-1", "1e3", "0x10", " 7", "seven", "٣", true, null, [], {}, Number.NaN, 1.5])(
    "[W5] %j is rejected as a whole number",
    (value) => {
      const [problem] = problemsOf({ MAX_MEMBERS: value });

      expect(problem).toMatch(/^MAX_MEMBERS is .*, must be a whole number from 1 to 10000 \(members\)$/);
    },
  );

  it("[L3] an option with a fixed set of words rejects any other word", () => {
    expect(problemsOf({ ADDRESS_LIMITS: "off" })).toEqual([]);
    expect(problemsOf({ ADDRESS_LIMITS: "maybe" })).toEqual([
      'ADDRESS_LIMITS is "maybe", must be one of on, off',
    ]);
  });
});

describe("contradictions", () => {
  it.each([
    [
      "a message burst of more than ten seconds",
      { MESSAGES_PER_SECOND: "10", MESSAGES_BURST: "101" },
      "messagesBurst",
    ],
    [
      "a byte burst of more than ten seconds",
      { BYTES_PER_SECOND: "26214", BYTES_BURST: "262144" },
      "bytesBurst",
    ],
    ["a frame larger than the byte burst", { MAX_FRAME_BYTES: "262145" }, "bytesBurst"],
    ["a ping interval above half the silence timeout", { PING_INTERVAL_MS: "75001" }, "pingIntervalMs"],
    [
      "more presence data than a welcome can list",
      { PRESENCE_LIST_MAX: "1025", MAX_PRESENCE_BYTES: "4096" },
      "presenceListMax",
    ],
    [
      "an unread limit of a room below that of one connection",
      { MAX_UNREAD_BYTES: "2097151", MAX_BUFFERED_BYTES: "2097152" },
      "maxUnreadBytes",
    ],
    [
      "a welcome larger than half of the unread limit",
      {
        ...{ MAX_UNREAD_BYTES: "8388608", MAX_BUFFERED_BYTES: "65536" },
        ...{ PRESENCE_LIST_MAX: "2000", MAX_PRESENCE_BYTES: "1024", MAX_STATE_BYTES: "2146305" },
      },
      "maxUnreadBytes",
    ],
    [
      "kept volatile messages with which a welcome is larger than half of the unread limit",
      {
        ...{ MAX_UNREAD_BYTES: "8388608", MAX_BUFFERED_BYTES: "65536", MAX_STATE_BYTES: "4190000" },
        ...{ PRESENCE_LIST_MAX: "0", KEPT_VOLATILE_CHARS: "4096" },
      },
      "maxUnreadBytes",
    ],
  ])("[L1 L4 L6 W5] %s is rejected, and reported once for all kinds", (_what, variables, option) => {
    const problems = problemsOf(variables, { ...KINDS, other: { text: "another" } });

    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${option} `));
  });

  it.each([
    [{ MESSAGES_PER_SECOND: "12", MESSAGES_BURST: "120" }],
    [{ MAX_FRAME_BYTES: "262144" }],
    [{ PING_INTERVAL_MS: "75000" }],
    [{ PRESENCE_LIST_MAX: "1024", MAX_PRESENCE_BYTES: "4096" }],
    [{ MAX_UNREAD_BYTES: "2097152", MAX_BUFFERED_BYTES: "2097152" }],
    [
      {
        ...{ MAX_UNREAD_BYTES: "8388608", PRESENCE_LIST_MAX: "2000", MAX_PRESENCE_BYTES: "1024" },
        MAX_STATE_BYTES: "2146304",
      },
    ],
    [{ MAX_MEMBERS: "10000", MAX_PRESENCE_BYTES: "4096" }],
  ])("[L1 L4 L6] %j is exactly at the bound and accepted", (variables) => {
    expect(problemsOf(variables)).toEqual([]);
  });

  it("[L1] a contradiction in one kind is reported with the kind's name", () => {
    expect(problemsOf({}, { ...KINDS, fast: { text: "fast", messagesBurst: 5_000 } })).toEqual([
      expect.stringMatching(/^kind "fast": messagesBurst \(5000\)/),
    ]);
  });
});

describe("kinds", () => {
  it.each(["", "a:b", "a b", "k".repeat(33), "é"])("[N2] a kind named %j is rejected", (name) => {
    expect(problemsOf({}, { ...KINDS, [name]: { text: "x" } })).toEqual([
      expect.stringContaining("the name of a kind must be 1-32 characters"),
    ]);
  });

  it("[N2] the kind default is required", () => {
    expect(problemsOf({}, {})).toEqual([expect.stringMatching(/^kinds: "default" is missing; add it/)]);
  });

  it("[W5] an invalid value, a server option and an unknown option of a kind are each reported by name", () => {
    const problems = problemsOf(
      {},
      { default: { text: "x", maxMembers: "many", sseRetryMs: 5, colour: "red", location: "moon" } },
    );

    expect(problems).toHaveLength(4);
    for (const word of ["maxMembers", "sseRetryMs", "colour", "location"])
      expect(problems.join("\n")).toContain(word);
  });

  it.each([
    ["durable", undefined],
    ["durable", "durable"],
    ["memory", "memory"],
    ["none", "none"],
  ] as const)("[W1] a kind's history is %s if its definition has %s", (wanted, history) => {
    const { kinds: settled } = readConfig({}, { default: { text: "x", ...(history && { history }) } });

    expect(settled.get("default")?.history).toBe(wanted);
  });

  it("[W1] a kind's history is one of three words and cannot be set by a variable", () => {
    expect(problemsOf({}, { default: { text: "x", history: "disk" } })).toEqual([
      'kind "default": history is "disk", must be one of durable, memory, none',
    ]);
    expect(readConfig({ HISTORY: "none" }, KINDS).kinds.get("default")?.history).toBe("durable");
  });

  it("[W5] a location and a jurisdiction must be known ones, and cannot be combined", () => {
    const about = (fields: object): readonly string[] =>
      problemsOf({}, { default: { text: "x", ...fields } });

    expect(about({ location: "weur" })).toEqual([]);
    expect(about({ jurisdiction: "eu" })).toEqual([]);
    expect(about({ jurisdiction: "mars" })).toEqual([expect.stringContaining('jurisdiction is "mars"')]);
    expect(about({ location: "weur", jurisdiction: "eu" })).toEqual([
      'kind "default": location and jurisdiction are both set; remove one of them',
    ]);
  });

  it("[W5] all problems are reported at once, one per line", () => {
    const variables = { MAX_MEMBERS: "0", LOG_LEVEL: "loud" };

    expect(() => readConfig(variables, KINDS)).toThrow(/2 problems\.\n {2}- MAX_MEMBERS.*\n {2}- LOG_LEVEL/s);
  });
});

describe("misspelled names", () => {
  it.each([
    ["MAX_MEMBER", "MAX_MEMBERS"],
    ["MAX_MEMEBRS", "MAX_MEMBERS"],
    ["maxMembers", "MAX_MEMBERS"],
    ["PARLOR_MAX_MEMBERS", "MAX_MEMBERS"],
    ["ALLOWED_ORIGIN", "ALLOWED_ORIGINS"],
    ["TOKEN_SECRET", "TOKEN_SECRETS"],
    ["TOKENSECRETS", "TOKEN_SECRETS"],
    ["JWT_AUDIENCE", undefined],
    ["ADMIN_KEY", "ADMIN_KEYS"],
    ["PAUSE", "PAUSED"],
    ["LOGLEVEL", "LOG_LEVEL"],
    ["SSE_RETRY", "SSE_RETRY_MS"],
  ])("[W5] a server with the misspelled variable %s does not start, and %s is suggested", (name, meant) => {
    expect(problemsOf({ [name]: "1" })).toEqual(
      meant === undefined
        ? []
        : [
            `${name} is not an option; rename it to ${meant}, or set ${meant}="" if it is a variable of your own`,
          ],
    );
  });

  it("[W5 G12] the value of a misspelled variable is not shown, because it may be a secret", () => {
    expect(problemsOf({ TOKEN_SECRET: "hush-hush" }).join()).not.toContain("hush");
  });

  it.each([
    "DATABASE_URL",
    "API_KEY",
    "ENVIRONMENT",
    "STRIPE_SECRET",
    "MAX_UPLOAD_BYTES",
    "JWT_SECRET",
    "NODE_ENV",
  ])("[W5] %s is a variable of the operator's own, and ignored", (name) => {
    expect(problemsOf({ [name]: "1" })).toEqual([]);
  });

  it("[W5] a variable that resembles an option is ignored if that option is set, or if it is a binding", () => {
    expect(problemsOf({ TOKEN_SECRET: "mine", TOKEN_SECRETS: "" })).toEqual([]);
    expect(problemsOf({ MAX_MEMBER: "mine", MAX_MEMBERS: "7" })).toEqual([]);
    expect(problemsOf({ ADMIN_KEY: { get: () => undefined }, ALLOWED_ORIGIN: () => undefined })).toEqual([]);
  });
});

describe("blank values and values of the wrong type", () => {
  it.each(["TOKEN_ISSUER", "TOKEN_SECRETS", "ALLOWED_ORIGINS", "TOKEN_JWKS_URL"])(
    "[W5] a blank %s is reported and not treated as absent",
    (env) => {
      expect(problemsOf({ [env]: "  " })).toEqual([`${env} is blank; remove it or give it a value`]);
    },
  );

  it("[W5] blanks around a string are ignored", () => {
    expect(readConfig({ TOKEN_ISSUER: " https://id.example \n" }, KINDS).server.tokenIssuer).toBe(
      "https://id.example",
    );
  });

  it("[W5 G12] a value of the wrong type is shown, unless it is a secret", () => {
    expect(problemsOf({ TOKEN_SECRETS: 123_456_789, ALLOWED_ORIGINS: ["https://a.example"] })).toEqual([
      "TOKEN_SECRETS is of the type number, must be a string with items separated by commas",
      'ALLOWED_ORIGINS is ["https://a.example"], must be a string with items separated by commas',
    ]);
  });

  it("[W5] a long value is cut at 64 characters", () => {
    const [problem] = problemsOf({ MAX_MEMBERS: "9".repeat(1_000) });

    expect(problem).toContain(`MAX_MEMBERS is "${"9".repeat(63)}…, must be`);
  });
});
