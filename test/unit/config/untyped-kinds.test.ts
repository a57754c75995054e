import { describe, expect, it } from "vitest";
import { check, checkAsync, pipe, pipeAsync, string, unknown } from "valibot";
import { z } from "zod";
import { settleConfig } from "../../../src/config/config.ts";
import type { Kinds } from "../../../src/config/kinds.ts";
import { readConfig } from "../../support/config.ts";

/** The problems of a configuration; empty if the server can start. */
function problemsOf(
  variables: Readonly<Record<string, unknown>>,
  of: Record<string, unknown>,
): readonly string[] {
  return settleConfig(variables as Parameters<typeof settleConfig>[0], of as Kinds).problems;
}

describe("kinds written without types", () => {
  const about = (definition: unknown): readonly string[] => problemsOf({}, { default: definition });

  it.each<[string, unknown, string]>([
    ["a null definition", null, "is null, must be an object"],
    ["a text", "open", 'is "open", must be an object'],
    ["anonymous that is a string", { anonymous: "yes" }, 'anonymous is "yes", must be true, false or a list'],
    ["anonymous that is null", { anonymous: null }, "anonymous is null, must be true, false or a list"],
    ["no capability", { anonymous: ["join", "fly"] }, 'anonymous names "fly", which is not a capability'],
    ["anonymous that lists a number", { anonymous: [7] }, "anonymous names 7, which is not a capability"],
    [
      "NaN",
      { maxMembers: Number.NaN },
      "maxMembers is NaN, must be a whole number from 1 to 10000 (members)",
    ],
    ["Infinity", { banMs: Infinity }, "banMs is Infinity, must be a whole number"],
    ["a fraction for a whole number", { maxMembers: 1.5 }, "maxMembers is 1.5, must be a whole number"],
    ["a string for a number", { maxMembers: "7" }, 'maxMembers is "7", must be a whole number'],
    ["a bigint", { maxMembers: 7n }, "maxMembers is 7, must be a whole number"],
    [
      "a misspelled option",
      { maxMember: 7 },
      "maxMember is not an option of a kind; did you mean maxMembers?",
    ],
    ["a server option", { sseRetryMs: 5 }, "it is a server option: set the variable SSE_RETRY_MS"],
    [
      "a misspelled field",
      { anonymus: true },
      "anonymus is not an option of a kind; did you mean anonymous?",
    ],
    ["hooks that are a function", { hooks: () => undefined }, "hooks is a function, must be an object"],
    [
      "an unknown hook",
      { hooks: { onMessage: () => undefined } },
      "hooks.onMessage is not a hook; the hooks are onJoin",
    ],
    [
      "a hook that is not a function",
      { hooks: { onJoin: true } },
      "hooks.onJoin is true, must be a function",
    ],
    ["an asynchronous hook", { hooks: { onJoin: async () => undefined } }, "hooks.onJoin is async"],
    [
      "an unknown hook in a class",
      {
        hooks: new (class {
          onMessage(): void {}
        })(),
      },
      "hooks.onMessage is not a hook",
    ],
    ["a create that is not a function", { create: {} }, "create is {}, must be a function"],
    ["an asynchronous create", { create: async () => ({}) }, "create is async, must be synchronous"],
    [
      "a create and a hook",
      { create: () => ({}), hooks: { onJoin: () => undefined } },
      "create and hooks.onJoin are both set; let create return onJoin as well",
    ],
    ["schemas that are not an object", { schemas: [] }, "schemas is [], must be an object"],
    ["an unknown part", { schemas: { event: {} } }, "schemas.event is not a part of an application"],
    ["no schema for an event", { schemas: { events: { chat: {} } } }, "schemas.events.chat is not a schema"],
    ["events that are a schema", { schemas: { events: 1 } }, "schemas.events is 1, must be an object"],
    [
      "a request without a reply",
      { schemas: { requests: { hand: { data: string() } } } },
      "schemas.requests.hand.reply is not a schema",
    ],
    [
      "a request that is not an object",
      { schemas: { requests: { hand: 1 } } },
      "schemas.requests.hand is 1, must be an object with the schemas data and reply",
    ],
    [
      "an asynchronous schema",
      {
        schemas: {
          presence: pipeAsync(
            string(),
            checkAsync(async () => true),
          ),
        },
      },
      "schemas.presence returns a promise for null, must be synchronous",
    ],
    [
      "a schema that throws",
      {
        schemas: {
          presence: pipe(
            unknown(),
            check(() => {
              throw new Error("a bug");
            }),
          ),
        },
      },
      'schemas.presence throws for null, must return what is wrong with it: "Error: a bug',
    ],
  ])("[W5 K1] a server whose kind has %s does not start", (_what, definition, why) => {
    const [problem, ...others] = about(definition);

    expect(problem).toContain(`kind "default": ${why}`.slice(0, 16));
    expect(problem).toContain(why);
    expect(others).toEqual([]);
  });

  it("[W5 K4] a kind can have schemas of any Standard Schema library, also a schema that is a function", () => {
    const asFunction = Object.assign(() => undefined, string());
    const schemas = { events: { chat: string(), other: z.string(), asFunction }, state: undefined };

    expect(about({ text: "any", schemas })).toEqual([]);
    expect(readConfig({}, { default: { text: "any", schemas } }).kinds.get("default")?.schemas).toBe(schemas);
  });

  it("[W5 K1] a kind can have a create that makes its hooks", () => {
    const definition = { text: "any", create: () => ({ onJoin: () => undefined }) };

    expect(about(definition)).toEqual([]);
    expect(about({ ...definition, hooks: {} })).toEqual([]);
    expect(about({ ...definition, hooks: { onJoin: undefined } })).toEqual([]);
    expect(readConfig({}, { default: definition }).kinds.get("default")?.create).toBe(definition.create);
  });

  it("[W5 K1] hooks can have helper functions beside them, and can be methods of a class", () => {
    class Rules {
      limit = 3;
      onJoin(): void {}
    }

    expect(about({ hooks: { onJoin: undefined, onPublish: () => undefined, limit: 3 } })).toEqual([]);
    expect(about({ hooks: new Rules() })).toEqual([]);
  });
});
