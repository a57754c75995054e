import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OPTIONS } from "../../../src/config/options.ts";
import { evict, inRoom, infoOf, roomStub, uniqueRoom } from "../support/rooms.ts";
import { joinSse, post } from "../support/sse.ts";
import { joinCuttable } from "../support/cuttable-member.ts";
import { join, rejoin, type WebSocketMember } from "../support/websocket.ts";

// The clock stops unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

describe("the silence timeout", () => {
  const SILENCE_MS = OPTIONS.silenceTimeoutMs.default;

  /** Moves time to the room's alarm and runs it. Returns the time that passed. */
  async function passToAlarm(room: string): Promise<number> {
    const at = await inRoom(room, ({ storage }) => storage.getAlarm());
    if (at === null) throw new Error("no alarm is set");
    const ms = at - Date.now();
    pass(ms);
    await runDurableObjectAlarm(roomStub(room) as DurableObjectStub);
    return ms;
  }

  it("[L4 M2 G9] a silent connection is closed with silent, at the timeout at the earliest and 75 seconds later at the latest", async () => {
    const room = uniqueRoom();
    const [bob, cem] = [await join(room), await joinSse(room)];
    pass(60_000); // So that the connection is checked at another time.
    const ana = await join(room);
    const joinedAt = Date.now();
    let silentFor = 0;
    while (silentFor < SILENCE_MS) silentFor += await passToAlarm(room);
    if ((await infoOf(room)).members > 0) await passToAlarm(room);

    expect(await bob.closed).toMatchObject({ code: 4002 });
    expect(await cem.closed).toMatchObject({ code: 4002 });
    expect(await ana.closed).toMatchObject({ code: 4002 });
    const left = ana.inbox.all.flatMap((frame) => (frame.type === "presence" ? (frame.left ?? []) : []));
    expect(left).toEqual([bob, cem].map(({ member }) => ({ id: member, reason: "timeout" })));
    expect(Date.now() - joinedAt).toBeGreaterThanOrEqual(SILENCE_MS);
    expect(Date.now() - joinedAt).toBeLessThanOrEqual(SILENCE_MS + 75_000);
    const expiry = Date.now() + OPTIONS.emptyRoomTtlMs.default;
    expect(await inRoom(room, ({ storage }) => storage.getAlarm())).toBe(expiry);
  });

  it("[L4 G9 G11] members that join and leave do not postpone the timeout of a silent member", async () => {
    const room = uniqueRoom("chat");
    const silent = await join(room);
    const silentSince = Date.now();
    let flapping = await joinCuttable(room);

    for (let beats = 0; beats < 20 && Date.now() - silentSince < SILENCE_MS + 75_000; beats++) {
      pass(12_000);
      const at = await inRoom(room, ({ storage }) => storage.getAlarm());
      if (at !== null && at <= Date.now()) await runDurableObjectAlarm(roomStub(room) as DurableObjectStub);
      await flapping.cut();
      flapping = await joinCuttable(room, { key: flapping.key });
    }

    expect(await silent.closed).toMatchObject({ code: 4002 });
    expect(Date.now() - silentSince).toBeLessThanOrEqual(SILENCE_MS + 90_000);
  });

  it("[F4 L4 G10] members that stop sending at the same time are announced in one frame", async () => {
    const room = uniqueRoom();
    for (let n = 0; n < 5; n++) await join(room);
    pass(60_000);
    const ana = await join(room);

    while ((await infoOf(room)).members > 1) await passToAlarm(room);

    const left = ana.inbox.all.flatMap((frame) =>
      frame.type === "presence" && frame.left !== undefined ? [frame] : [],
    );
    expect(left.map((frame) => [frame.left?.length, frame.count])).toEqual([[5, 1]]);
  });

  it.each([
    ["a frame", (ana: WebSocketMember) => ana.publish("e", 1, { ref: Date.now() })],
    ["a rejected frame", (ana: WebSocketMember) => ana.ask("{")],
    ["an act by POST", (ana: WebSocketMember, room: string) => post(room, ana, { type: "presence" })],
  ])(
    "[L4 G6] %s within each silence timeout keeps a connection open, also across hibernations",
    async (_what, speak) => {
      const room = uniqueRoom();
      const ana = await join(room);

      for (let spoken = 0; spoken < 5; spoken++) {
        await evict(room);
        await speak(ana, room);
        pass(SILENCE_MS - 1);
        await runDurableObjectAlarm(roomStub(room) as DurableObjectStub);
      }

      expect(await ana.publish("e", 1)).toMatchObject({ type: "ack" });
    },
  );

  it("[L4 F7] a ping that the platform answered counts as activity", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    ana.ping();
    await ana.inbox.take("pong");
    await inRoom(room, (state) => {
      for (const socket of state.getWebSockets()) {
        const record = socket.deserializeAttachment() as Record<string, unknown>;
        socket.serializeAttachment({ ...record, heardAt: Date.now() - 3_600_000 });
      }
    });

    await evict(room);
    await runDurableObjectAlarm(roomStub(room) as DurableObjectStub);

    expect(await bob.closed).toMatchObject({ code: 4002 });
    expect(await ana.publish("e", 1)).toMatchObject({ type: "ack" });
  });

  it("[L4 G6] a reaper that has failed runs again for members that have reconnected", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    // The state that a bug could leave. No frame can cause it.
    await inRoom(room, (state) => {
      for (const [index, socket] of state.getWebSockets().entries()) {
        const record = socket.deserializeAttachment() as Record<string, unknown>;
        socket.serializeAttachment({ ...record, dialect: "none", heardAt: index === 0 ? 0 : Date.now() });
      }
    });
    await evict(room);

    await runDurableObjectAlarm(roomStub(room) as DurableObjectStub).catch(() => undefined);
    await Promise.all([ana.closed, bob.closed]);

    const again = await rejoin(room, ana);
    let silentFor = 0;
    while ((await infoOf(room)).members > 0) silentFor += await passToAlarm(room);

    expect(await again.closed).toMatchObject({ code: 4002 });
    expect(silentFor).toBeLessThanOrEqual(SILENCE_MS + 75_000);
  });

  it("[L4 G11] the reaper runs at most once a minute", async () => {
    const room = uniqueRoom();
    await join(room);
    for (let n = 0; n < 6; n++) {
      pass(7_000);
      await join(room);
    }

    const pauses: number[] = [];
    while ((await infoOf(room)).members > 0) pauses.push(await passToAlarm(room));

    expect(pauses.length).toBeLessThanOrEqual(2);
    for (const ms of pauses) expect(ms).toBeGreaterThanOrEqual(60_000);
  });
});
