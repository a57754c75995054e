import { describe, expect, it } from "vitest";
import type { ServerFrame } from "../../../src/protocol/frames.ts";
import { Deduplication } from "../../../src/room/log/deduplication.ts";
import { Log } from "../../../src/room/log/log.ts";
import { MemoryActBlocks } from "../../../src/room/log/act-block-store.ts";
import { MemoryRefFloors } from "../../../src/room/log/ref-floors.ts";
import { MemorySegments } from "../../../src/room/log/memory-segments.ts";
import { retentionOf } from "../support/retention.ts";
import { kindsRoom, serveKinds as to } from "../support/kinds.ts";
import { doActs } from "../support/acts.ts";
import { NOW, range } from "../support/logs.ts";
import { crash, request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { joinSse, type SseMember } from "../support/sse.ts";
import { join, rejoin, type WebSocketJoin, type WebSocketMember } from "../support/websocket.ts";

const joinKind = (room: string, options: WebSocketJoin = {}): Promise<WebSocketMember> =>
  join(room, { to, ...options });

async function read(room: string, part: string): Promise<unknown> {
  return (await request(roomPath(room, part), {}, to)).json();
}

/** The frames that a member received after its welcome, except its own replies. */
function heard({ inbox }: WebSocketMember | SseMember): ServerFrame[] {
  return inbox.all.filter(({ type }) => type !== "welcome" && type !== "ack" && type !== "presence");
}

describe.each(["memory", "none"])("a room whose history is %s", (kind) => {
  it("[W1 A1 A2 P2 F4] the welcome announces the history, and the room records, numbers and acks like any other", async () => {
    const room = uniqueRoom(kind);
    const [ana, bob] = [await joinKind(room), await joinSse(room, { to })];

    ana.send([1, 2].map((ref) => ({ type: "publish", ref, event: "e", data: ref })));
    await ana.inbox.take("ack", ({ ref }) => ref === 2);
    await bob.inbox.until(({ messages }) => messages.length === 2);

    expect(await ana.welcome()).toMatchObject({ history: kind, position: expect.stringMatching(/:0$/) });
    expect(ana.inbox.all.slice(-4)).toMatchObject([
      { type: "message", offset: 1, data: 1, from: ana.member },
      { type: "message", offset: 2, data: 2 },
      { type: "ack", ref: 1, offset: 1 },
      { type: "ack", ref: 2, offset: 2 },
    ]);
    expect(bob.inbox.messages).toEqual(ana.inbox.messages);
    expect(bob.position).toBe(ana.position);
  });

  it("[A3] a repeat gets its first reply while the room is awake, and takes effect again after a sleep", async () => {
    const room = uniqueRoom(kind);
    const ana = await joinKind(room);
    await ana.publish("e", 1, { ref: 5 });
    await ana.publish("e", 2, { ref: 3 });

    const repeats = [await ana.publish("e", 1, { ref: 5 }), await ana.publish("e", 2, { ref: 3 })];
    await kindsRoom(room).evict();
    const anew = await ana.publish("e", 2, { ref: 3 });

    expect(repeats).toMatchObject([{ offset: 1 }, { offset: 2 }]);
    expect(anew).toMatchObject({ type: "ack", ref: 3, offset: 1 });
  });

  it.each([
    ["WebSocket", "websocket"],
    ["SSE", "sse"],
  ])(
    "[P6 P3 W1] the room announces its new epoch once, before its first message after a sleep: over %s",
    async (_how, over) => {
      const room = uniqueRoom(kind);
      const ana = await joinKind(room);
      const bob = over === "sse" ? await joinSse(room, { to }) : await joinKind(room);
      await ana.publish("e", 1);
      await bob.inbox.take("message");
      const before = bob.position;

      await kindsRoom(room).evict();
      await ana.publish("e", 2);
      await ana.publish("e", 3);
      await bob.inbox.until(({ messages }) => messages.length === 3);

      const after = bob.position.split(":")[0] ?? "";
      expect(after).not.toBe(before.split(":")[0]);
      expect(heard(bob).slice(-3)).toMatchObject([
        { type: "position", reason: "epoch", position: `${after}:0` },
        { type: "message", offset: 1, data: 2 },
        { type: "message", offset: 2, data: 3 },
      ]);
      expect(bob.position).toBe(`${after}:2`);
      expect("stream" in bob ? bob.stream.lastEventId : bob.position).toBe(bob.position);
    },
  );

  it("[P6 A7 J10] all clients receive the new epoch, even if the first message is for others", async () => {
    const room = uniqueRoom(kind);
    const [ana, bob] = [await joinKind(room), await joinKind(room)];
    const eye = await joinKind(room, { query: { view: "1" } });
    await kindsRoom(room).evict();

    await ana.act({ type: "publish", event: "e", data: 1, to: [ana.member] });
    await ana.publish("e", 2);
    await eye.inbox.take("message");
    await bob.inbox.take("message");

    for (const each of [bob, eye]) {
      expect(heard(each)[0]).toMatchObject({ reason: "epoch", position: expect.stringMatching(/:0$/) });
      expect(each.inbox.messages).toMatchObject([{ offset: 2 }]);
    }
  });

  it("[P6 L5 W3] a client whose position is in the lost log is disconnected after a sleep, and its welcome announces the new epoch", async () => {
    const room = uniqueRoom(kind);
    const [ana, cem] = [await joinKind(room), await joinKind(room)];
    const bob = await joinKind(room, { query: { flow: "1" } });
    for (const each of [ana, cem, ana, cem, ana, cem]) await each.publish("e", "x".repeat(60_000));

    await kindsRoom(room).evict();
    await ana.publish("e", 1);

    expect(await bob.closed).toMatchObject({ code: 4003 });
    const back = await rejoin(room, bob, { to });
    expect(await back.welcome()).toMatchObject({ recovered: false, reason: "epoch", position: ana.position });
  });

  it.each([
    ["a sleep", (room: string) => kindsRoom(room).evict()],
    ["a crash", () => crash()],
  ])("[P5 P6 W3 G4] a client that reconnects after %s learns that its log is gone", async (_what, fail) => {
    const room = uniqueRoom(kind);
    const ana = await joinKind(room);
    await ana.publish("e", 1);
    const { key, position } = ana;

    await fail(room);
    const again = await joinKind(room, { key, after: position });

    const welcome = await again.welcome();
    expect(welcome).toMatchObject({
      recovered: false,
      reason: "epoch",
      position: welcome.head,
      member: ana.member,
    });
    expect(welcome.head).toMatch(/:0$/);
    expect(await again.publish("e", 2, { ref: 2 })).toMatchObject({ offset: 1 });
    expect(await kindsRoom(room).info()).toMatchObject({ members: 1, position: again.position });
  });
});

describe("a room with history in memory", () => {
  it("[P4 W3 G4] with history in memory, a client resumes exactly while the room is awake, over any transport", async () => {
    const room = uniqueRoom("memory");
    const [ana, bob] = [await joinKind(room), await joinSse(room, { to })];
    for (const n of range(1, 9)) {
      ana.send(range(1, n).map((size) => ({ type: "publish", event: "e", data: "x".repeat(size) })));
      await ana.inbox.until(({ messages }) => messages.length === (n * (n + 1)) / 2);
    }
    const epoch = ana.position.split(":")[0] ?? "";

    for (const after of [0, 1, 20, 44, 45]) {
      for (const back of [
        joinKind(room, { after: `${epoch}:${after}` }),
        joinSse(room, { to, after: `${epoch}:${after}` }),
      ]) {
        const member = await back;
        if (after < 45) await member.inbox.take("position", ({ reason }) => reason === "replayed");
        expect(await member.welcome()).toMatchObject({ recovered: true, position: `${epoch}:${after}` });
        expect(member.inbox.messages).toEqual(ana.inbox.messages.slice(after));
      }
    }
    await bob.inbox.until(({ messages }) => messages.length === 45);
  });

  it("[H5 A8 J6] messages in memory are available to history and rewind, and gone after a sleep", async () => {
    const room = uniqueRoom("memory");
    const ana = await joinKind(room);
    for (const n of range(1, 5)) await ana.publish("e", n);

    ana.send({ type: "history", after: 1, limit: 2 });
    const page = await ana.inbox.take("history");
    const late = await joinKind(room, { query: { rewind: "2" } });
    await late.inbox.take("position");

    expect(page).toMatchObject({ messages: [{ offset: 2 }, { offset: 3 }], more: true });
    expect(late.inbox.messages).toEqual(ana.inbox.messages.slice(3));
    expect(await read(room, "/history")).toEqual({
      messages: ana.inbox.messages,
      more: false,
      position: ana.position,
    });
    await kindsRoom(room).evict();
    expect(await read(room, "/history")).toMatchObject({ messages: [], more: false });
  });

  it("[P5 G6] the retention in memory is the same as in storage, and remembered acts do not extend it", async () => {
    const segments = new MemorySegments();
    const log = new Log(segments, retentionOf(10));
    const deduplication = new Deduplication(log, new MemoryActBlocks(), new MemoryRefFloors(() => new Set()));
    const held: unknown[] = [];

    for (const ref of range(1, 20_000)) {
      doActs({ log, deduplication }, [["s", ref]], NOW + ref * 1_000);
      if (ref % 5_000 === 0) held.push([...segments.from(0)].length);
    }

    expect(held).toEqual([10, 10, 10, 10]);
    expect(log.resume(`${log.open()}:19990`, NOW)).toEqual({ recovered: true, offset: 19_990 });
    expect(log.resume(`${log.open()}:19989`, NOW)).toMatchObject({ recovered: false, reason: "trimmed" });
    const now = NOW + 20_000_000;
    expect([10_000, 10_001].map((ref) => deduplication.find("s", ref, now).is)).toEqual(["stale", "done"]);
  });
});

describe("a room without history", () => {
  it("[W1 P5 J6 H5 A8] a room without history keeps no message, and a client is not recovered exactly if it missed one", async () => {
    const room = uniqueRoom("none");
    const ana = await joinKind(room);
    await ana.publish("e", 1);
    const missed = ana.position;
    await ana.publish("e", 2);

    const [late, inTime] = [await joinKind(room, { after: missed }), await rejoin(room, ana, { to })];
    const rewound = await joinKind(room, { query: { rewind: "5" } });
    rewound.send({ type: "history" });

    expect(await late.welcome()).toMatchObject({
      recovered: false,
      reason: "trimmed",
      position: ana.position,
    });
    expect(await inTime.welcome()).toMatchObject({ recovered: true, position: ana.position });
    expect(await rewound.inbox.take("history")).toMatchObject({ messages: [], more: false });
    for (const each of [late, inTime, rewound])
      expect(heard(each).filter(({ type }) => type !== "history")).toEqual([]);
    expect(await read(room, "/history")).toEqual({ messages: [], more: false, position: ana.position });
  });
});
