import { describe, expect, it } from "vitest";
import { ParlorError } from "../../../src/client/error.ts";
import { CLOSE_CODES } from "../../../src/protocol/close-codes.ts";
import { LIMITS, type SentItem } from "../support/fake-transport.ts";
import { FakeWorld, settled } from "../support/fake-world.ts";
import { comeBack, Visit, visit } from "../support/test-client.ts";

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
    const made = await visit();

    const published = made.room.publish("chat", { text: "hi" });
    expect(await outcomeOf(published)).toBe("pending");
    made.line.ack(made.line.refs, 42);

    expect(made.line.items).toEqual([
      { type: "publish", event: "chat", ref: made.line.refs[0], data: { text: "hi" } },
    ]);
    expect(await published).toEqual({ offset: 42 });
  });

  it("[F1 F5] messages published in one task are sent in order, in frames of at most 64 messages", async () => {
    const made = await visit({}, { limits: { maxFrameBytes: 65_536 } });

    for (let index = 0; index < 70; index++) void made.room.publish("chat", index);
    await made.world.pass(1_000);

    expect(made.line.frames[0]?.length).toBeLessThanOrEqual(64);
    expect(dataOf(made.line.items)).toEqual(Array.from({ length: 70 }, (_, index) => index));
    expect(made.line.refs).toEqual(made.line.refs.toSorted((one, other) => one - other));
    expect(new Set(made.line.refs).size).toBe(70);
  });

  it("[F3 L1] a frame is never larger than the room accepts", async () => {
    const made = await visit({}, { limits: { ...LIMITS, maxFrameBytes: 1_024 } });

    for (let index = 0; index < 5; index++) void made.room.publish("chat", "é".repeat(200));
    await made.world.pass(1_000);

    expect(made.line.frames.map(({ length }) => length)).toEqual([2, 2, 1]);
  });

  it("[A7] a publish may have addressees", async () => {
    const made = await visit();

    void made.room.publish("whisper", "psst", { to: ["ana", "bo"] });
    void made.room.publish("chat", "all", {});
    await settled();
    made.line.deliver({
      ...{ type: "message", offset: 1, time: 1, from: "me" },
      ...{ to: ["ana", "bo"], event: "whisper", data: "psst" },
    });

    expect(made.line.items.map(({ to }) => to)).toEqual([["ana", "bo"], undefined]);
    expect(made.told.message).toMatchObject([{ to: ["ana", "bo"], data: "psst" }]);
  });

  it("[A2] a client sends nothing before its welcome", async () => {
    const made = new Visit();
    void made.room.publish("chat", 1);
    await settled();
    expect(made.line.frames).toEqual([]);

    made.line.welcome();
    await settled();

    expect(dataOf(made.line.items)).toEqual([1]);
  });

  it("[H1] acts are sent for the session of the welcome", async () => {
    const made = await visit({ transports: ["sse"] });

    void made.room.publish("chat", 1);
    await settled();

    expect([...made.line.authorities]).toEqual(["sessionsessionsession1.keykeykeykeykeykeykey1"]);
  });
});

describe("repeated acts", () => {
  it("[G3 A3] after a reconnect a client repeats an unacknowledged publish with the same ref", async () => {
    const made = await visit();
    const published = made.room.publish("chat", "hi");
    await settled();
    const [first] = made.dialled;

    await comeBack(made);
    expect(made.line.items).toEqual(first?.items);
    made.line.ack(made.line.refs, 7);

    expect(await published).toEqual({ offset: 7 });
  });

  it("[G3 A3] a client does not repeat an acknowledged publish", async () => {
    const made = await visit();
    void made.room.publish("chat", "one");
    void made.room.publish("chat", "two");
    await settled();
    made.line.ack(made.line.refs.slice(0, 1));

    await comeBack(made);

    expect(dataOf(made.line.items)).toEqual(["two"]);
  });

  it("[G3 P2] a client repeats old acts before it sends new ones", async () => {
    const made = await visit();
    void made.room.publish("chat", "old");
    await settled();
    made.line.end();
    void made.room.publish("chat", "new");

    await made.nextDial();
    made.line.welcome({ recovered: true });
    await settled();

    expect(dataOf(made.line.items)).toEqual(["old", "new"]);
  });

  it("[A3 L1] a client repeats a rate-limited publish with the same ref, after the requested delay", async () => {
    const made = await visit();
    const published = made.room.publish("chat", "hi");
    await settled();
    const [ref = 0] = made.line.refs;

    made.line.deliver({ type: "error", ref, code: "rate_limited", message: "spent", retryAfterMs: 250 });
    await made.world.pass(249);
    expect(made.line.frames).toHaveLength(1);
    await made.world.pass(100);
    expect(made.line.refs).toEqual([ref, ref]);
    made.line.ack([ref], 3);

    expect(await published).toEqual({ offset: 3 });
    expect(made.told.error).toEqual([]);
  });

  it("[L1 L2] after a rejection a client sends no faster than the rate limit refills, because an earlier page may have used it up", async () => {
    const made = await visit({}, { limits: { ...LIMITS, messagesPerSecond: 10, messagesBurst: 20 } });
    for (let index = 0; index < 5; index++) void made.room.publish("chat", index);
    await settled();
    const first = made.line.refs;
    const refusal = { type: "error", code: "rate_limited", message: "spent", retryAfterMs: 100 } as const;

    made.line.deliver(...first.map((ref) => ({ ...refusal, ref })));
    for (let index = 5; index < 30; index++) void made.room.publish("chat", index);
    await made.world.pass(1_100);

    expect(dataOf(made.line.items).slice(5)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("[A3 E1] a client repeats an act after a random delay if the room could not accept it", async () => {
    const made = await visit();
    const published = made.room.publish("chat", "hi");
    await settled();
    const [ref = 0] = made.line.refs;

    made.line.deliver({ type: "error", ref, code: "unavailable", message: "not now" });
    await made.world.pass(499);
    expect(made.line.frames).toHaveLength(1);
    await made.world.pass(100);
    made.line.ack([ref]);

    expect(made.line.refs).toEqual([ref, ref]);
    expect(await published).toEqual({ offset: 1 });
  });

  it("[E1] the delay before a repeated act grows until the room accepts it", async () => {
    const made = await visit();
    made.world.chance = 0.999;
    const refuse = (): void => {
      const ref = made.line.refs.at(-1) ?? 0;
      made.line.deliver({ type: "error", ref, code: "unavailable", message: "not now" });
    };
    void made.room.publish("chat", "one");
    await settled();

    const waits: number[] = [];
    for (let time = 0; time < 3; time++) {
      refuse();
      await settled();
      waits.push(Math.floor((made.world.timers[0] ?? 0) / 500));
      await made.world.pass(made.world.timers[0] ?? 0);
    }
    made.line.ack(made.line.refs.slice(-1));
    void made.room.publish("chat", "two");
    await made.world.pass(100);
    refuse();
    await settled();
    waits.push(Math.floor((made.world.timers[0] ?? 0) / 500));

    expect(waits).toEqual([2, 4, 8, 2]);
  });

  it("[H1 E1] a client that the room does not know reconnects and repeats its acts", async () => {
    const made = await visit({ transports: ["sse"] });
    void made.room.publish("chat", "hi");
    await settled();
    const [ref = 0] = made.line.refs;

    made.line.deliver({ type: "error", ref, code: "not_joined", message: "no live connection" });
    expect(made.line.isClosed).toBe(true);
    expect(made.room.state).toBe("reconnecting");
    await made.nextDial();
    made.line.welcome({ recovered: true });
    await settled();

    expect(made.line.refs).toEqual([ref]);
  });

  it("[G3 A3] an act sent too long ago is rejected and not repeated, and an act never sent is sent", async () => {
    const made = await visit();
    const doubtful = made.room.publish("chat", "sent");
    await settled();
    made.line.end();
    void made.room.publish("chat", "never sent");
    made.world.signals?.onBack();
    await settled();
    for (let minute = 0; minute < 10; minute++) {
      made.line.end();
      await made.world.pass(60_000);
    }

    made.line.welcome({ recovered: true });
    await settled();

    expect(await outcomeOf(doubtful)).toMatchObject({ code: "outcome_unknown" });
    expect(dataOf(made.line.items)).toEqual(["never sent"]);
  });

  it("[F5 A3] a later page with the same key starts above the refs of the earlier one, whatever the device's clock", async () => {
    const key = "keykeykeykeykeykeykey1";
    const lives: number[][] = [];

    for (let life = 0; life < 2; life++) {
      const world = new FakeWorld();
      const made = new Visit({ key }, world);
      await settled();
      made.line.welcome({ time: 1_790_000_000_000 + life });
      for (let index = 0; index < 20; index++) void made.room.publish("chat", index);
      await settled();
      lives.push(made.line.refs);
      made.room.close();
    }

    const [earlier = [], later = []] = lives;
    expect(later).toHaveLength(20);
    expect(Math.min(...later)).toBeGreaterThan(Math.max(...earlier));
    expect(later.every(Number.isSafeInteger)).toBe(true);
  });
});

describe("rejections", () => {
  it("[E1] an act is rejected if the room would reject it again", async () => {
    const made = await visit();
    const published = made.room.publish("chat", "hi");
    await settled();
    const [ref = 0] = made.line.refs;

    made.line.deliver({
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
    await comeBack(made);
    expect(made.line.frames).toEqual([]);
  });

  it.each([
    ["waits if the server states how long", 100, "pending"],
    ["rejects the act if the server does not", undefined, "brand_new"],
  ])("[V1 E1] a client that does not know an error %s", async (_what, retryAfterMs, expected) => {
    const made = await visit();
    const published = made.room.publish("chat", "hi");
    await settled();
    const error = { type: "error", code: "brand_new", message: "new", ref: made.line.refs[0], retryAfterMs };

    made.line.deliver(JSON.parse(JSON.stringify(error)) as never);

    const outcome = await outcomeOf(published);
    expect(outcome instanceof ParlorError ? outcome.code : outcome).toBe(expected);
  });

  it.each(["stale_ref", "unknown_member", "view_only", "refused"] as const)(
    "[A3 A7 E1] an act rejected with %s is not repeated",
    async (code) => {
      const made = await visit();
      const published = made.room.publish("chat", "hi");
      await settled();

      made.line.deliver({ type: "error", ref: made.line.refs[0] ?? 0, code, message: "why" });

      expect(await outcomeOf(published)).toMatchObject({ code });
      await comeBack(made);
      expect(made.line.items).toEqual([]);
    },
  );

  it("[F3] a client rejects an act that is too large itself, because the room's rejection would have no ref", async () => {
    const made = await visit({}, { limits: { ...LIMITS, maxFrameBytes: 1_024 } });

    const large = made.room.publish("chat", "x".repeat(1_000));
    const small = made.room.publish("chat", "small");
    await settled();
    made.line.ack(made.line.refs);

    expect(await outcomeOf(large)).toMatchObject({ code: "frame_too_large" });
    expect(await small).toEqual({ offset: 1 });
  });

  it.each([
    ["an empty event", "", 1],
    ["an event of 65 characters", "e".repeat(65), 1],
    ["data that nests deeper than 62", "chat", nested(63)],
    ["data that JSON cannot carry", "chat", 1n],
  ])("[A1 F2] a client itself rejects %s", async (_what, event, data) => {
    const made = await visit();

    expect(await outcomeOf(made.room.publish(event, data))).toMatchObject({ code: "bad_frame" });
    made.room.send(event, data);

    await settled();
    expect(made.line.frames).toEqual([]);
    expect(made.told.error).toMatchObject([{ code: "bad_frame" }]);
  });

  it("[A1 F2] a client accepts events of 64 characters and data of 62 levels, and sends undefined as null", async () => {
    const made = await visit();

    void made.room.publish("e".repeat(64), nested(62));
    void made.room.publish("chat", undefined);
    await settled();

    expect(dataOf(made.line.items)).toEqual([nested(62), null]);
  });

  it("[G10] an act beyond maxPendingActs is rejected", async () => {
    const made = await visit({ maxPendingActs: 2 });
    void made.room.publish("chat", 1);
    void made.room.publish("chat", 2);

    expect(await outcomeOf(made.room.publish("chat", 3))).toMatchObject({ code: "outbox_full" });

    made.line.ack(made.line.refs.slice(0, 1));
    void made.room.publish("chat", 4);
    await settled();
    expect(dataOf(made.line.items)).toEqual([1, 2, 4]);
  });

  it("[E1] an error without a ref is emitted", async () => {
    const made = await visit();

    made.line.deliver({ type: "error", code: "bad_frame", message: "not a frame" });

    expect(made.told.error).toMatchObject([{ code: "bad_frame", message: "not a frame" }]);
    expect(made.room.state).toBe("connected");
  });

  it("[C1] a final close rejects waiting and later acts with its reason", async () => {
    const made = await visit();
    const waiting = made.room.publish("chat", 1);
    await settled();

    made.line.end(CLOSE_CODES.kicked.code, CLOSE_CODES.kicked.text);

    expect(await outcomeOf(waiting)).toMatchObject({ code: "kicked" });
    expect(await outcomeOf(made.room.publish("chat", 2))).toMatchObject({ code: "kicked" });
    expect(await outcomeOf(made.room.setPresence(1))).toMatchObject({ code: "kicked" });
  });
});

function nested(levels: number): unknown {
  return levels === 0 ? 0 : [nested(levels - 1)];
}
