import { describe, expect, it } from "vitest";
import {
  makeConnection,
  step,
  type Connection,
  type ConnectionEvent,
  type StepContext,
} from "../../../src/client/connection/connection.ts";
import { CLOSE_CODES } from "../../../src/protocol/close-codes.ts";

const NOW = 1_000_000;

const CONTEXT: StepContext = {
  now: NOW,
  unixNow: 5_000_000,
  random: () => 0.5,
  bounds: { minReconnectDelayMs: 1_000, maxReconnectDelayMs: 30_000, connectTimeoutMs: 10_000 },
};

/** An event of each type. */
const EVENTS: { readonly [Type in ConnectionEvent["type"]]: Extract<ConnectionEvent, { type: Type }> } = {
  due: { type: "due" },
  wake: { type: "wake" },
  connect: { type: "connect" },
  reconnect: { type: "reconnect" },
  welcomed: { type: "welcomed" },
  refused: { type: "refused", error: { type: "error", code: "room_full", message: "the room is full" } },
  ended: { type: "ended", end: { code: 1006, reason: "broken" } },
  lost: { type: "lost", reason: "no data", silentMs: 10_000 },
  replaced: { type: "replaced", reason: "a newer one" },
  upgrade: { type: "upgrade", transport: "websocket" },
  closed: { type: "closed", reason: "closed" },
};

function after(connection: Connection, ...events: readonly ConnectionEvent[]): Connection {
  return events.reduce((before, event) => step(before, event, CONTEXT)[0], connection);
}

const idle = makeConnection(["websocket", "sse", "long-poll"]);
const opening = after(idle, EVENTS.connect);
const open = after(makeConnection(["websocket", "sse"], "sse"), EVENTS.connect, EVENTS.welcomed);

/** A connection in each phase. */
const CONNECTIONS = {
  idle,
  opening,
  open,
  waiting: after(opening, EVENTS.ended),
  "waiting for a time that the server requested": after(opening, {
    type: "ended",
    end: { code: CLOSE_CODES.overloaded.code, reason: "full", retryMs: 4_000 },
  }),
  closed: after(open, EVENTS.closed),
};

const NOTHING = "nothing";
const DIAL = "connecting: dial, timer 10000, notify";
const DIAL_AGAIN = "connecting: hang up, dial, timer 10000, notify";
const CLOSE = "closed: hang up for good, timer off, notify";

/** What each event does in each phase: the state after it, and the effects. */
const TRANSITIONS: Readonly<
  Record<keyof typeof CONNECTIONS, Readonly<Record<ConnectionEvent["type"], string>>>
> = {
  idle: {
    due: NOTHING,
    wake: NOTHING,
    connect: DIAL,
    reconnect: DIAL,
    welcomed: NOTHING,
    refused: NOTHING,
    ended: NOTHING,
    lost: NOTHING,
    replaced: NOTHING,
    upgrade: NOTHING,
    closed: CLOSE,
  },
  opening: {
    due: "waiting: hang up, timer 0, notify",
    wake: NOTHING,
    connect: NOTHING,
    reconnect: NOTHING,
    welcomed: "open: timer off, notify",
    refused: "connecting: ",
    ended: "waiting: timer 500, notify",
    lost: "waiting: hang up, timer 500, notify",
    replaced: "waiting: hang up, timer 500, notify",
    upgrade: NOTHING,
    closed: CLOSE,
  },
  open: {
    due: NOTHING,
    wake: NOTHING,
    connect: NOTHING,
    reconnect: DIAL_AGAIN,
    welcomed: NOTHING,
    refused: NOTHING,
    ended: "waiting: timer 500, notify",
    lost: "waiting: hang up, timer 500, notify",
    replaced: "waiting: hang up, timer 500, notify",
    upgrade: DIAL_AGAIN,
    closed: CLOSE,
  },
  waiting: {
    due: DIAL,
    wake: DIAL,
    connect: DIAL,
    reconnect: DIAL,
    welcomed: NOTHING,
    refused: NOTHING,
    ended: NOTHING,
    lost: NOTHING,
    replaced: NOTHING,
    upgrade: NOTHING,
    closed: CLOSE,
  },
  "waiting for a time that the server requested": {
    due: DIAL,
    wake: NOTHING,
    connect: NOTHING,
    reconnect: NOTHING,
    welcomed: NOTHING,
    refused: NOTHING,
    ended: NOTHING,
    lost: NOTHING,
    replaced: NOTHING,
    upgrade: NOTHING,
    closed: CLOSE,
  },
  closed: {
    due: NOTHING,
    wake: NOTHING,
    connect: NOTHING,
    reconnect: NOTHING,
    welcomed: NOTHING,
    refused: NOTHING,
    ended: NOTHING,
    lost: NOTHING,
    replaced: NOTHING,
    upgrade: NOTHING,
    closed: NOTHING,
  },
};

/** Describes what an event does. */
function describeStep(connection: Connection, event: ConnectionEvent): string {
  const [next, effects] = step(connection, event, CONTEXT);
  if (next === connection && effects.length === 0) return NOTHING;
  const words = effects.map((effect) => {
    if (effect.do === "timer") return `timer ${effect.ms ?? "off"}`;
    return effect.do === "hang up" && effect.forGood ? "hang up for good" : effect.do;
  });
  return `${next.status.state}: ${words.join(", ")}`;
}

const names = Object.keys(CONNECTIONS) as (keyof typeof CONNECTIONS)[];
const types = Object.keys(EVENTS) as (keyof typeof EVENTS)[];

describe("the state machine of a connection", () => {
  it.each(names.flatMap((name) => types.map((type) => [name, type] as const)))(
    "[C1] a connection that is %s has one transition for the event %s",
    (name, type) => {
      expect(describeStep(CONNECTIONS[name], EVENTS[type])).toBe(TRANSITIONS[name][type]);
    },
  );

  it("[C1] the status is the same object while nothing changes", () => {
    for (const connection of Object.values(CONNECTIONS)) {
      for (const event of Object.values(EVENTS)) {
        const [next, effects] = step(connection, event, CONTEXT);
        expect(next.status === connection.status).toBe(!effects.some(({ do: what }) => what === "notify"));
      }
    }
  });

  it("[C1] the status has only the fields of its state", () => {
    const statuses = Object.values(CONNECTIONS).map(({ status }) => status);

    expect(statuses).toEqual([
      { state: "idle" },
      { state: "connecting" },
      { state: "open", transport: "sse" },
      { state: "waiting", code: 1006, reason: "broken", nextTryAt: 5_000_500, advice: "wait" },
      { state: "waiting", code: 4005, reason: "full", nextTryAt: 5_004_500, advice: "wait" },
      { state: "closed", reason: "closed" },
    ]);
  });

  it("[G10 E2] an event of the browser or the application starts an attempt once the time that the server requested has passed", () => {
    const waiting = CONNECTIONS["waiting for a time that the server requested"];

    for (const type of ["wake", "connect", "reconnect"] as const) {
      const states = [3_999, 4_000].map(
        (ms) => step(waiting, EVENTS[type], { ...CONTEXT, now: NOW + ms })[0].status.state,
      );
      expect(states).toEqual(["waiting", "connecting"]);
    }
  });

  it.each([
    ["room_full", CLOSE_CODES.overloaded.code, "waiting", "free_place"],
    ["token_expired", CLOSE_CODES.token_expired.code, "waiting", "sign_in"],
    ["banned", CLOSE_CODES.not_now.code, "waiting", "wait"],
    ["forbidden", CLOSE_CODES.forbidden.code, "closed", "ask"],
    ["version", CLOSE_CODES.version.code, "closed", "reload"],
    ["token_revoked", CLOSE_CODES.forbidden.code, "closed", "sign_in"],
    ["something_new", 4_999, "closed", "ask"],
  ])(
    "[E1 C1] a join that is rejected with %s and closed with %i is %s, with the advice %s",
    (code, close, state, advice) => {
      const error = { type: "error", code: code as "room_full", message: "m" } as const;

      const { status } = after(
        opening,
        { type: "refused", error },
        { type: "ended", end: { code: close, reason: "r" } },
      );

      expect(status).toMatchObject({ state, advice, error: { code } });
    },
  );

  it.each([
    [CLOSE_CODES.kicked, "kicked", "ask"],
    [CLOSE_CODES.left, "left", "rejoin"],
    [CLOSE_CODES.bad_protocol, "bad_protocol", "reload"],
  ])(
    "[C1] a connection that is closed with $code has an error and advice",
    ({ code, text }, name, advice) => {
      const { status } = after(open, { type: "ended", end: { code, reason: text } });

      expect(status).toMatchObject({ state: "closed", code, reason: text, advice, error: { code: name } });
    },
  );
});
