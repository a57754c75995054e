import { describe, expect, it } from "vitest";
import { ConfigError, readConfig, type Variables } from "../../src/config/config.ts";
import type { Kinds } from "../../src/config/kinds.ts";
import { OPTIONS, type NumberOption } from "../../src/config/options.ts";
import { kinds } from "../../src/rooms.ts";

const KINDS: Kinds = { default: { text: "any" } };

/** The problems of a configuration; none if it can be served. */
function problemsOf(variables: Variables, of: Record<string, unknown> = KINDS): readonly string[] {
  try {
    readConfig(variables, of as Kinds);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
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

  it("[W5] the kinds of this server are served with its defaults", () => {
    expect(problemsOf({}, kinds)).toEqual([]);
  });

  it("[W5] a kind's own value wins over the variable, and that over the default", () => {
    const { kinds: settled } = readConfig(
      { MAX_MEMBERS: "7" },
      { ...KINDS, small: { text: "few", maxMembers: 3 } },
    );

    expect(settled.get("default")?.maxMembers).toBe(7);
    expect(settled.get("small")?.maxMembers).toBe(3);
    expect(settled.get("small")?.name).toBe("small");
  });

  it("[W5] a variable may be a number, or empty for the default", () => {
    expect(readConfig({ MAX_MEMBERS: 7 }, KINDS).kinds.get("default")?.maxMembers).toBe(7);
    expect(readConfig({ MAX_MEMBERS: "" }, KINDS).kinds.get("default")?.maxMembers).toBe(
      OPTIONS.maxMembers.default,
    );
  });

  it("[W5] other bindings are passed over", () => {
    expect(problemsOf({ ROOM: {}, SOMETHING: 1, constructor: "x" })).toEqual([]);
  });
});

describe("bounds", () => {
  /** The problems that name this variable; its bounds may contradict another option's default. */
  const about = (env: string, value: unknown): readonly string[] =>
    problemsOf({ [env]: value }).filter((problem) => problem.startsWith(`${env} is `));

  it.each(numbers)(
    "[L1 W5] %s is taken from its least to its greatest value, and not beyond",
    (_name, { env, min, max }) => {
      expect(about(env, String(min))).toEqual([]);
      expect(about(env, String(max))).toEqual([]);
      expect(about(env, String(min - 1))).toHaveLength(1);
      expect(about(env, String(max + 1))).toHaveLength(1);
    },
  );

  it.each(["1.5", "-1", "1e3", "0x10", " 7", "seven", "٣", true, null, [], {}, Number.NaN, 1.5])(
    "[W5] %j is no whole number",
    (value) => {
      const [problem] = problemsOf({ MAX_MEMBERS: value });

      expect(problem).toMatch(/^MAX_MEMBERS is .*, must be a whole number from 1 to 10000 \(members\)$/);
    },
  );

  it("[L3] a word is one of those named", () => {
    expect(problemsOf({ ADDRESS_LIMITS: "off" })).toEqual([]);
    expect(problemsOf({ ADDRESS_LIMITS: "maybe" })).toEqual([
      'ADDRESS_LIMITS is "maybe", must be one of on, off',
    ]);
  });
});

describe("contradictions", () => {
  it.each([
    [
      "a burst of more than ten seconds",
      { MESSAGES_PER_SECOND: "10", MESSAGES_BURST: "101" },
      "messagesBurst",
    ],
    ["bytes of more than ten seconds", { BYTES_PER_SECOND: "26214", BYTES_BURST: "262144" }, "bytesBurst"],
    ["a frame larger than the burst of bytes", { MAX_FRAME_BYTES: "262145" }, "bytesBurst"],
    ["pings rarer than half the silence", { PING_INTERVAL_MS: "75001" }, "pingIntervalMs"],
    [
      "more presence than a welcome may list",
      { PRESENCE_LIST_MAX: "1025", MAX_PRESENCE_BYTES: "4096" },
      "presenceListMax",
    ],
  ])("[L1 L4 W5] %s is refused, and said once for all kinds", (_what, variables, option) => {
    const problems = problemsOf(variables, { ...KINDS, other: { text: "another" } });

    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${option} `));
  });

  it.each([
    [{ MESSAGES_PER_SECOND: "12", MESSAGES_BURST: "120" }],
    [{ MAX_FRAME_BYTES: "262144" }],
    [{ PING_INTERVAL_MS: "75000" }],
    [{ PRESENCE_LIST_MAX: "1024", MAX_PRESENCE_BYTES: "4096" }],
    [{ MAX_MEMBERS: "10000", MAX_PRESENCE_BYTES: "4096" }],
  ])("[L1 L4] %j is the bound itself, and taken", (variables) => {
    expect(problemsOf(variables)).toEqual([]);
  });

  it("[L1] a contradiction of one kind names it", () => {
    expect(problemsOf({}, { ...KINDS, fast: { text: "fast", messagesBurst: 5_000 } })).toEqual([
      expect.stringMatching(/^kind "fast": messagesBurst \(5000\)/),
    ]);
  });
});

describe("kinds", () => {
  it.each(["", "a:b", "a b", "k".repeat(33), "é"])("[N2] a kind named %j is refused", (name) => {
    expect(problemsOf({}, { ...KINDS, [name]: { text: "x" } })).toEqual([
      expect.stringContaining("a kind's name is"),
    ]);
  });

  it("[N2] the kind default must be there", () => {
    expect(problemsOf({}, {})).toEqual(['kinds: "default" is missing']);
  });

  it("[W5] a value that is none, an option of the server and a word that is no option are each named", () => {
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
  ] as const)("[W1] a kind's history is %s where it says %s", (wanted, history) => {
    const { kinds: settled } = readConfig({}, { default: { text: "x", ...(history && { history }) } });

    expect(settled.get("default")?.history).toBe(wanted);
  });

  it("[W1] a kind's history is one of three words, and no variable sets it", () => {
    expect(problemsOf({}, { default: { text: "x", history: "disk" } })).toEqual([
      'kind "default": history is "disk", must be one of durable, memory, none',
    ]);
    expect(readConfig({ HISTORY: "none" }, KINDS).kinds.get("default")?.history).toBe("durable");
  });

  it("[W5] a place and a jurisdiction are each one of those there are, and never both", () => {
    const about = (fields: object): readonly string[] =>
      problemsOf({}, { default: { text: "x", ...fields } });

    expect(about({ location: "weur" })).toEqual([]);
    expect(about({ jurisdiction: "eu" })).toEqual([]);
    expect(about({ jurisdiction: "mars" })).toEqual([expect.stringContaining('jurisdiction is "mars"')]);
    expect(about({ location: "weur", jurisdiction: "eu" })).toEqual([
      'kind "default": location and jurisdiction cannot both be set',
    ]);
  });

  it("[W5] every problem is told at once, a line each", () => {
    const variables = { MAX_MEMBERS: "0", LOG_LEVEL: "loud" };

    expect(() => readConfig(variables, KINDS)).toThrow(/2 problems\.\n {2}- MAX_MEMBERS.*\n {2}- LOG_LEVEL/s);
  });
});
