import { describe, expect, it } from "vitest";
import { ParlorError } from "../../../src/client/error.ts";
import { CLOSE_CODES } from "../../../src/protocol/close-codes.ts";
import { LIMITS, type SentItem } from "../support/fake-transport.ts";
import { FakeWorld, settled } from "../support/fake-world.ts";
import { reconnect, TestClient, joined } from "../support/test-client.ts";

/** The state of a promise, without waiting for it. */
async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  await settled();
  return Promise.race([promise, Promise.resolve("pending")]).catch((error: unknown) => error);
}

function dataOf(items: readonly SentItem[]): unknown[] {
  return items.map(({ data }) => data);
}

describe("acks", () => {
  it("[G2 A1 A2] a publish resolves with its offset at the ack, and not before", async () => {
    const client = await joined();

    const published = client.room.publish("chat", { text: "hi" });
    expect(await outcomeOf(published)).toBe("pending");
    client.transport.ack(client.transport.refs, 42);

    expect(client.transport.items).toEqual([
      { type: "publish", event: "chat", ref: client.transport.refs[0], data: { text: "hi" } },
    ]);
    expect(await published).toEqual({ offset: 42 });
  });

  it("[F1 F5] messages published in one task are sent in order, in frames of at most 64 messages", async () => {
    const client = await joined({}, { limits: { maxFrameBytes: 65_536 } });

    for (let index = 0; index < 70; index++) void client.room.publish("chat", index);
    await client.world.pass(1_000);

    expect(client.transport.frames[0]?.length).toBeLessThanOrEqual(64);
    expect(dataOf(client.transport.items)).toEqual(Array.from({ length: 70 }, (_, index) => index));
    expect(client.transport.refs).toEqual(client.transport.refs.toSorted((one, other) => one - other));
    expect(new Set(client.transport.refs).size).toBe(70);
  });

  it("[F3 L1] a frame is never larger than the room accepts", async () => {
    const client = await joined({}, { limits: { ...LIMITS, maxFrameBytes: 1_024 } });

    for (let index = 0; index < 5; index++) void client.room.publish("chat", "é".repeat(200));
    await client.world.pass(1_000);

    expect(client.transport.frames.map(({ length }) => length)).toEqual([2, 2, 1]);
  });

  it("[A7] a publish may have addressees", async () => {
    const client = await joined();

    void client.room.publish("whisper", "psst", { to: ["ana", "bo"] });
    void client.room.publish("chat", "all", {});
    await settled();
    client.transport.deliver({
      ...{ type: "message", offset: 1, time: 1, from: "me" },
      ...{ to: ["ana", "bo"], event: "whisper", data: "psst" },
    });

    expect(client.transport.items.map(({ to }) => to)).toEqual([["ana", "bo"], undefined]);
    expect(client.emitted.message).toMatchObject([{ to: ["ana", "bo"], data: "psst" }]);
  });

  it("[A2] a client sends nothing before its welcome", async () => {
    const client = new TestClient();
    void client.room.publish("chat", 1);
    await settled();
    expect(client.transport.frames).toEqual([]);

    client.transport.welcome();
    await settled();

    expect(dataOf(client.transport.items)).toEqual([1]);
  });

  it("[H1] acts are sent for the session of the welcome", async () => {
    const client = await joined({ transports: ["sse"] });

    void client.room.publish("chat", 1);
    await settled();

    expect([...client.transport.authorities]).toEqual(["sessionsessionsession1.keykeykeykeykeykeykey1"]);
  });
});

describe("repeated acts", () => {
  it("[G3 A3] after a reconnect a client repeats an unacknowledged publish with the same ref", async () => {
    const client = await joined();
    const published = client.room.publish("chat", "hi");
    await settled();
    const [first] = client.dialled;

    await reconnect(client);
    expect(client.transport.items).toEqual(first?.items);
    client.transport.ack(client.transport.refs, 7);

    expect(await published).toEqual({ offset: 7 });
  });

  it("[G3 A3] a client does not repeat an acknowledged publish", async () => {
    const client = await joined();
    void client.room.publish("chat", "one");
    void client.room.publish("chat", "two");
    await settled();
    client.transport.ack(client.transport.refs.slice(0, 1));

    await reconnect(client);

    expect(dataOf(client.transport.items)).toEqual(["two"]);
  });

  it("[G3 P2] a client repeats old acts before it sends new ones", async () => {
    const client = await joined();
    void client.room.publish("chat", "old");
    await settled();
    client.transport.end();
    void client.room.publish("chat", "new");

    await client.nextDial();
    client.transport.welcome({ recovered: true });
    await settled();

    expect(dataOf(client.transport.items)).toEqual(["old", "new"]);
  });

  it("[A3 L1] a client repeats a rate-limited publish with the same ref, after the requested delay", async () => {
    const client = await joined();
    const published = client.room.publish("chat", "hi");
    await settled();
    const [ref = 0] = client.transport.refs;

    client.transport.deliver({ type: "error", ref, code: "rate_limited", message: "", retryAfterMs: 250 });
    await client.world.pass(249);
    expect(client.transport.frames).toHaveLength(1);
    await client.world.pass(100);
    expect(client.transport.refs).toEqual([ref, ref]);
    client.transport.ack([ref], 3);

    expect(await published).toEqual({ offset: 3 });
    expect(client.emitted.error).toEqual([]);
  });

  it("[L1 L2] after a rejection a client sends no faster than the rate limit refills, because an earlier page may have used it up", async () => {
    const client = await joined({}, { limits: { ...LIMITS, messagesPerSecond: 10, messagesBurst: 20 } });
    for (let index = 0; index < 5; index++) void client.room.publish("chat", index);
    await settled();
    const first = client.transport.refs;
    const refusal = { type: "error", code: "rate_limited", message: "spent", retryAfterMs: 100 } as const;

    client.transport.deliver(...first.map((ref) => ({ ...refusal, ref })));
    for (let index = 5; index < 30; index++) void client.room.publish("chat", index);
    await client.world.pass(1_100);

    expect(dataOf(client.transport.items).slice(5)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("[A3 E1] a client repeats an act after a random delay if the room could not accept it", async () => {
    const client = await joined();
    const published = client.room.publish("chat", "hi");
    await settled();
    const [ref = 0] = client.transport.refs;

    client.transport.deliver({ type: "error", ref, code: "unavailable", message: "not now" });
    await client.world.pass(499);
    expect(client.transport.frames).toHaveLength(1);
    await client.world.pass(100);
    client.transport.ack([ref]);

    expect(client.transport.refs).toEqual([ref, ref]);
    expect(await published).toEqual({ offset: 1 });
  });

  it("[E1] the delay before a repeated act grows until the room accepts it", async () => {
    const client = await joined();
    client.world.chance = 0.999;
    const refuse = (): void => {
      const ref = client.transport.refs.at(-1) ?? 0;
      client.transport.deliver({ type: "error", ref, code: "unavailable", message: "not now" });
    };
    void client.room.publish("chat", "one");
    await settled();

    const waits: number[] = [];
    for (let time = 0; time < 3; time++) {
      refuse();
      await settled();
      waits.push(Math.floor((client.world.timers[0] ?? 0) / 500));
      await client.world.pass(client.world.timers[0] ?? 0);
    }
    client.transport.ack(client.transport.refs.slice(-1));
    void client.room.publish("chat", "two");
    await client.world.pass(100);
    refuse();
    await settled();
    waits.push(Math.floor((client.world.timers[0] ?? 0) / 500));

    expect(waits).toEqual([2, 4, 8, 2]);
  });

  it("[H1 E1] a client that the room does not know reconnects and repeats its acts", async () => {
    const client = await joined({ transports: ["sse"] });
    void client.room.publish("chat", "hi");
    await settled();
    const [ref = 0] = client.transport.refs;

    client.transport.deliver({ type: "error", ref, code: "not_joined", message: "no live connection" });
    expect(client.transport.isClosed).toBe(true);
    expect(client.room.connection.state).toBe("waiting");
    await client.nextDial();
    client.transport.welcome({ recovered: true });
    await settled();

    expect(client.transport.refs).toEqual([ref]);
  });

  it("[G3 A3] an act sent too long ago is rejected and not repeated, and an act never sent is sent", async () => {
    const client = await joined();
    const doubtful = client.room.publish("chat", "sent");
    await settled();
    client.transport.end();
    void client.room.publish("chat", "never sent");
    client.world.signals?.wake();
    await settled();
    for (let minute = 0; minute < 10; minute++) {
      client.transport.end();
      await client.world.pass(60_000);
    }

    client.transport.welcome({ recovered: true });
    await settled();

    expect(await outcomeOf(doubtful)).toMatchObject({ code: "outcome_unknown" });
    expect(dataOf(client.transport.items)).toEqual(["never sent"]);
  });

  it("[F5 A3] a later page with the same key starts above the refs of the earlier one, whatever the device's clock", async () => {
    const key = "keykeykeykeykeykeykey1";
    const lives: number[][] = [];

    for (let life = 0; life < 2; life++) {
      const world = new FakeWorld();
      const client = new TestClient({ key }, world);
      await settled();
      client.transport.welcome({ time: 1_790_000_000_000 + life });
      for (let index = 0; index < 20; index++) void client.room.publish("chat", index);
      await settled();
      lives.push(client.transport.refs);
      client.room.close();
    }

    const [earlier = [], later = []] = lives;
    expect(later).toHaveLength(20);
    expect(Math.min(...later)).toBeGreaterThan(Math.max(...earlier));
    expect(later.every(Number.isSafeInteger)).toBe(true);
  });
});

describe("rejections", () => {
  it("[E1] an act is rejected if the room would reject it again", async () => {
    const client = await joined();
    const published = client.room.publish("chat", "hi");
    await settled();
    const [ref = 0] = client.transport.refs;

    client.transport.deliver({
      type: "error",
      ref,
      code: "frame_too_large",
      message: "too large",
      limit: "maxFrameBytes",
    });

    const error = await outcomeOf(published);
    expect(error).toBeInstanceOf(ParlorError);
    expect(error).toMatchObject({
      code: "frame_too_large",
      message: "too large",
      ref,
      limit: "maxFrameBytes",
    });
    await reconnect(client);
    expect(client.transport.frames).toEqual([]);
  });

  it.each([
    ["waits where the server says how long", 100, "pending"],
    ["rejects where it does not", undefined, "brand_new"],
  ])("[V1 E1] an error that it does not know: %s", async (_what, retryAfterMs, expected) => {
    const client = await joined();
    const published = client.room.publish("chat", "hi");
    await settled();
    const error = {
      type: "error",
      code: "brand_new",
      message: "new",
      ref: client.transport.refs[0],
      retryAfterMs,
    };

    client.transport.deliver(JSON.parse(JSON.stringify(error)) as never);

    const outcome = await outcomeOf(published);
    expect(outcome instanceof ParlorError ? outcome.code : outcome).toBe(expected);
  });

  it.each(["stale_ref", "unknown_member", "view_only", "refused"] as const)(
    "[A3 A7 E1] an act rejected with %s is not repeated",
    async (code) => {
      const client = await joined();
      const published = client.room.publish("chat", "hi");
      await settled();

      client.transport.deliver({ type: "error", ref: client.transport.refs[0] ?? 0, code, message: "why" });

      expect(await outcomeOf(published)).toMatchObject({ code });
      await reconnect(client);
      expect(client.transport.items).toEqual([]);
    },
  );

  it("[F3] a client rejects an act that is too large itself, because the room's rejection would have no ref", async () => {
    const client = await joined({}, { limits: { ...LIMITS, maxFrameBytes: 1_024 } });

    const large = client.room.publish("chat", "x".repeat(1_000));
    const small = client.room.publish("chat", "small");
    await settled();
    client.transport.ack(client.transport.refs);

    expect(await outcomeOf(large)).toMatchObject({ code: "frame_too_large" });
    expect(await small).toEqual({ offset: 1 });
  });

  it.each([
    ["an empty event", "", 1],
    ["an event of 65 characters", "e".repeat(65), 1],
    ["data that nests deeper than 62", "chat", nested(63)],
    ["data that JSON cannot represent", "chat", 1n],
  ])("[A1 F2] refuses by itself %s", async (_what, event, data) => {
    const client = await joined();

    expect(await outcomeOf(client.room.publish(event, data))).toMatchObject({ code: "bad_frame" });
    client.room.send(event, data);

    await settled();
    expect(client.transport.frames).toEqual([]);
    expect(client.emitted.error).toMatchObject([{ code: "bad_frame" }]);
  });

  it("[A1 F2] a client accepts events of 64 characters and data of 62 levels, and sends undefined as null", async () => {
    const client = await joined();

    void client.room.publish("e".repeat(64), nested(62));
    void client.room.publish("chat", undefined);
    await settled();

    expect(dataOf(client.transport.items)).toEqual([nested(62), null]);
  });

  it("[G10] an act beyond maxPendingActs is rejected", async () => {
    const client = await joined({ maxPendingActs: 2 });
    void client.room.publish("chat", 1);
    void client.room.publish("chat", 2);

    expect(await outcomeOf(client.room.publish("chat", 3))).toMatchObject({ code: "outbox_full" });

    client.transport.ack(client.transport.refs.slice(0, 1));
    void client.room.publish("chat", 4);
    await settled();
    expect(dataOf(client.transport.items)).toEqual([1, 2, 4]);
  });

  it("[E1] an error without a ref is emitted", async () => {
    const client = await joined();

    client.transport.deliver({ type: "error", code: "bad_frame", message: "not a frame" });

    expect(client.emitted.error).toMatchObject([{ code: "bad_frame", message: "not a frame" }]);
    expect(client.room.connection.state).toBe("open");
  });

  it("[C1] a final close rejects waiting and later acts with its reason", async () => {
    const client = await joined();
    const waiting = client.room.publish("chat", 1);
    await settled();

    client.transport.end(CLOSE_CODES.kicked.code, CLOSE_CODES.kicked.text);

    expect(await outcomeOf(waiting)).toMatchObject({ code: "kicked" });
    expect(await outcomeOf(client.room.publish("chat", 2))).toMatchObject({ code: "kicked" });
    expect(await outcomeOf(client.room.setPresence(1))).toMatchObject({ code: "kicked" });
  });
});

function nested(levels: number): unknown {
  return levels === 0 ? 0 : [nested(levels - 1)];
}
