import { afterEach, describe, expect, it, vi } from "vitest";
import { realEnvironment } from "../../../src/client/runtime/environment.ts";
import { retryAfterMsOf } from "../../../src/client/transports/http-replies.ts";
import { settle } from "../../../src/client/options.ts";
import { SseParser } from "../../../src/client/transports/sse-parser.ts";
import { clampDelay } from "../../../src/protocol/durations.ts";
import { LIMITS } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { reconnect, joined } from "../support/test-client.ts";

/** The longest delay of a timer: 2^31 - 1 ms. */
const LONGEST = 2_147_483_647;

afterEach(() => void vi.useRealTimers());

describe("durations", () => {
  it.each([LONGEST, LONGEST + 1, 2_592_000_000, 1e300, Infinity])(
    "[G11] a timer of %d ms fires after 2^31 - 1, and not at once",
    (ms) => {
      vi.useFakeTimers();
      let fired = 0;
      realEnvironment.startTimer(() => fired++, ms);

      vi.advanceTimersByTime(LONGEST - 1);
      expect(fired).toBe(0);
      vi.advanceTimersByTime(1);
      expect(fired).toBe(1);
    },
  );

  it.each([
    [1.5, 2],
    [0.1, 1],
    [0, 0],
    [-1, 0],
    [NaN, 0],
  ])("[G11] a timer of %d ms fires after %d ms", (ms, whole) => {
    expect(clampDelay(ms)).toBe(whole);
  });

  it.each(["connectTimeoutMs", "minReconnectDelayMs", "maxReconnectDelayMs", "pingTimeoutMs"] as const)(
    "[J7] the option %s may be Infinity or a fraction, and a TypeError names it if it is not a duration",
    (name) => {
      expect(settle({ [name]: Infinity })[name]).toBe(LONGEST);
      expect(settle({ [name]: 1.5 })[name]).toBe(2);
      for (const wrong of [NaN, -1, "1000", null]) {
        expect(() => settle({ [name]: wrong as never })).toThrow(
          new RegExp(`^${name} is .*, must be a number`),
        );
      }
    },
  );

  it("[J6 G10] the options rewind and maxPendingActs may be Infinity, but must be numbers", () => {
    expect(settle({ rewind: Infinity, maxPendingActs: Infinity })).toMatchObject({
      rewind: 999_999_999,
      maxPendingActs: Infinity,
    });
    expect(settle({ rewind: 10.5 }).rewind).toBe(10);
    expect(() => settle({ rewind: NaN })).toThrow(/^rewind is NaN/);
    expect(() => settle({ maxPendingActs: -1 })).toThrow(/^maxPendingActs is -1/);
  });

  it.each([
    ["0", 0],
    ["7", 7_000],
    ["1.5", 1_500],
    ["2592000", LONGEST],
    ["99999999999", LONGEST],
    ["9".repeat(400), LONGEST],
    ["-1", undefined],
    ["NaN", undefined],
    ["", undefined],
    ["Wed, 21 Oct 2015 07:28:00 GMT", undefined],
  ])("[H4 L3] Retry-After: %s means a delay of %s ms", (header, ms) => {
    expect(retryAfterMsOf(header)).toBe(ms);
  });

  it("[S1] a retry: field beyond a timer's range means the longest delay", () => {
    const waits: number[] = [];
    const parser = new SseParser({ onRetry: (ms) => void waits.push(ms), onEvent: () => undefined });

    parser.feed(new TextEncoder().encode(`retry: 86400000000\nretry: ${"9".repeat(400)}\nretry: 10\n\n`));

    expect(waits).toEqual([LONGEST, LONGEST, 10]);
  });

  it.each([
    ["Infinity", Infinity],
    ["30 days", 2_592_000_000],
    ["none", undefined],
    ["not a number", NaN],
    ["negative", -5],
    ["zero", 0],
  ])(
    "[W5 L4] a welcome whose pingIntervalMs is %s is pinged once, and no more than once a second",
    async (_what, ms) => {
      const client = await joined({}, { pingIntervalMs: ms as number });
      client.transport.deliver({ type: "pong" });

      await client.world.pass(999);

      expect(client.transport.pings).toBe(1);
      expect(client.room.connection.state).toBe("open");
    },
  );

  it.each([Infinity, 1e300])("[L1] a retryAfterMs of %d means the longest delay", async (ms) => {
    const client = await joined();
    void client.room.publish("chat", 1);
    await settled();
    const [ref = 0] = client.transport.refs;

    client.transport.deliver({ type: "error", code: "rate_limited", message: "m", ref, retryAfterMs: ms });
    await settled();

    expect(client.transport.refs).toEqual([ref]);
    expect(Math.floor((client.world.timers.at(-1) ?? 0) / 1_000)).toBe(Math.floor(LONGEST / 1_000));
  });

  it.each([NaN, -1])("[L1] a retryAfterMs of %d does not keep acts from being repeated", async (ms) => {
    const client = await joined();
    void client.room.publish("chat", 1);
    await settled();
    const [ref = 0] = client.transport.refs;

    client.transport.deliver({ type: "error", code: "rate_limited", message: "m", ref, retryAfterMs: ms });
    await client.world.pass(100);

    expect(client.transport.refs).toEqual([ref, ref]);
  });

  it.each([
    ["zero", 0],
    ["negative", -1],
    ["not a number", NaN],
    ["Infinity", Infinity],
    ["null", null],
  ])("[W5 L1] limits that are %s do not bind", async (_what, limit) => {
    const limits = Object.fromEntries(Object.keys(LIMITS).map((name) => [name, limit as number]));
    const client = await joined({}, { limits });

    const published = client.room.publish("chat", 1);
    await settled();
    client.transport.ack(client.transport.refs, 3);

    expect(await published).toEqual({ offset: 3 });
  });

  it.each([-60_000, 0, NaN])(
    "[D7] a token that expires in %d ms is renewed once a second at most",
    async (ms) => {
      let drawn = 0;
      const client = await joined({ getToken: () => `token-${++drawn}` }, { expiresInMs: ms });

      await client.world.pass(999);
      expect(client.transport.tokens).toEqual([]);
      await client.world.pass(1);
      await settled();

      expect(client.transport.tokens).toHaveLength(1);
    },
  );
});

describe("a device whose clock is wrong", () => {
  it("[F5 G3] a device whose clock is wrong, even in the year 2290, uses refs of the server's time", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2290, 0) });
    const client = await joined({}, { time: 1_790_000_000_000 });

    void client.room.publish("chat", 1);
    void client.room.setPresence("here");
    await settled();

    expect(client.transport.refs).toEqual([1_790_000_000_000_001, 1_790_000_000_000_002]);
  });

  it.each([0, -1, NaN, 1e300])(
    "[F5] a client has refs that the room accepts when the server's time is %d",
    async (time) => {
      const client = await joined({}, { time });

      void client.room.publish("chat", 1);
      await settled();

      expect(client.transport.refs.every((ref) => Number.isSafeInteger(ref) && ref > 0)).toBe(true);
    },
  );

  it("[F5 A3] a client keeps the refs of its first welcome, and sends acts that waited before it in order", async () => {
    const client = await joined({}, { time: 1_000 });
    void client.room.publish("chat", "before");
    await settled();
    await reconnect(client, { time: 9_000 });
    void client.room.publish("chat", "after");
    await settled();

    expect(client.transport.items.map(({ ref, data }) => [ref, data])).toEqual([
      [1_000_001, "before"],
      [1_000_002, "after"],
    ]);
  });

  it("[A3] a client repeats an act even if the clock was set forward by an hour while it waited", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: 1_000 });
    const client = await joined();
    const published = client.room.publish("chat", 1);
    await settled();

    vi.setSystemTime(1_000 + 3_600_000);
    await reconnect(client);
    client.transport.ack(client.transport.refs, 3);

    expect(await published).toEqual({ offset: 3 });
  });
});
