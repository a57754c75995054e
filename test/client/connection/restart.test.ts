import { expect, it } from "vitest";
import {
  makeConnection,
  step,
  type Connection,
  type ConnectionEvent,
  type StepContext,
} from "../../../src/client/connection/connection.ts";
import type { TransportEnd } from "../../../src/client/transports/transport.ts";
import { CLOSE_CODES } from "../../../src/protocol/close-codes.ts";

const BOUNDS = { minReconnectDelayMs: 1_000, maxReconnectDelayMs: 30_000, connectTimeoutMs: 10_000 };

const CLIENTS = 200;

/** How long the clients were connected before the restart, in milliseconds. */
const CONNECTED_MS = 600_000;

/** Random numbers that are the same in every run (the generator mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Runs one client through a restart, during which attempts are refused at once.
 *
 * @param end how the restart ends the connection
 * @returns when it is connected again, in milliseconds after the end of the restart
 */
function returnAfter(restartMs: number, end: TransportEnd, random: () => number): number {
  let connection: Connection = makeConnection(["websocket", "sse", "long-poll"]);
  let dueAt = 0;
  let now = 0;
  const happen = (event: ConnectionEvent): void => {
    const context: StepContext = { now, unixNow: now, random, bounds: BOUNDS };
    const [next, effects] = step(connection, event, context);
    connection = next;
    for (const effect of effects) if (effect.do === "timer") dueAt = now + (effect.ms ?? Infinity);
  };
  happen({ type: "connect" });
  happen({ type: "welcomed" });
  now = CONNECTED_MS;
  happen({ type: "ended", end });
  for (;;) {
    now = dueAt;
    happen({ type: "due" });
    if (now >= CONNECTED_MS + restartMs) return now - CONNECTED_MS - restartMs;
    happen({ type: "ended", end: { code: 1006, reason: "refused" } });
  }
}

it.each<[string, number, TransportEnd]>([
  ["2 seconds that closes connections", 2_000, { code: CLOSE_CODES.restart.code, reason: "restart" }],
  ["5 seconds that breaks connections", 5_000, { code: 1006, reason: "" }],
  ["8 seconds that breaks connections", 8_000, { code: 1006, reason: "" }],
  [
    "2 seconds that ends streams with retry: 1000",
    2_000,
    { code: CLOSE_CODES.restart.code, reason: "restart", retryMs: 1_000 },
  ],
])(
  "[G10] after a restart of %s, half of 200 clients are back within 3 s, spread out",
  (_what, restartMs, end) => {
    const random = randomFrom(7);

    const times = Array.from({ length: CLIENTS }, () => returnAfter(restartMs, end, random)).toSorted(
      (one, other) => one - other,
    );

    expect(times[CLIENTS / 2]).toBeLessThanOrEqual(3_000);
    // No tenth of a second has more than a fifth of the clients.
    const perTenth = Map.groupBy(times, (ms) => Math.floor(ms / 100));
    expect(Math.max(...[...perTenth.values()].map(({ length }) => length))).toBeLessThanOrEqual(CLIENTS / 5);
    expect(times.at(-1)).toBeLessThanOrEqual(restartMs);
  },
);
