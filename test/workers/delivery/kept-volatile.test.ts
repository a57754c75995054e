import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { refuse } from "../../../src/config/hooks.ts";
import type { MessageFrame, ServerFrame } from "../../../src/protocol/frames.ts";
import { readAttachment } from "../../../src/room/connections/attachment.ts";
import type { Member } from "../../support/member.ts";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { joinByPoll } from "../support/polls.ts";
import { crash, evict, inRoom, tablesOf, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { setHooks } from "../support/test-hooks.ts";
import { bearer, token } from "../support/tokens.ts";
import { join, rejoin, type WebSocketMember } from "../support/websocket.ts";

afterEach(() => vi.useRealTimers());

const to = serveKinds;

/** The frames that a client receives when it joins. */
type JoinBy = (room: string) => Promise<readonly ServerFrame[]>;

const TRANSPORTS: readonly [string, JoinBy][] = [
  ["WebSocket", (room) => join(room).then(framesOfJoin)],
  [
    "WebSocket with binary frames",
    (room) => join(room, { as: "proto", protocols: ["parlor.v1"] }).then(framesOfJoin),
  ],
  ["SSE", (room) => joinSse(room).then(framesOfJoin)],
  ["long-poll", async (room) => (await joinByPoll(room)).all],
];

/** An act that publishes a volatile message. */
function volatile(data: unknown, more: object = {}): object {
  return { type: "publish", event: "cursor", data, volatile: true, ...more };
}

/** Publishes volatile messages. Resolves when the room has delivered the last of them. */
async function show(member: WebSocketMember, ...acts: readonly object[]): Promise<void> {
  member.send([...acts, volatile("shown", { event: "end", to: [member.member] })]);
  await member.inbox.take("message", ({ event }) => event === "end");
}

/** Everything that a new member has received when its own first act has taken effect. */
async function framesOfJoin(member: Member): Promise<readonly ServerFrame[]> {
  await member.act({ type: "presence", data: null });
  return member.inbox.all.filter(({ type }) => type !== "ack" && type !== "presence");
}

/** The kept messages among frames. */
function keptOf(frames: readonly ServerFrame[]): readonly MessageFrame[] {
  return frames.flatMap((frame) => (frame.type === "message" && frame.kept === true ? [frame] : []));
}

/** The data of the kept messages that a new member receives. */
async function keptBy(joining: Promise<Member>): Promise<readonly unknown[]> {
  return keptOf(await framesOfJoin(await joining)).map(({ data }) => data);
}

describe("a client that joins a room that keeps volatile messages", () => {
  it.each(TRANSPORTS)(
    "[A11 W6 G5] a joining client over %s receives the newest message of each member, event and key after its welcome",
    async (_name, joinBy) => {
      const room = uniqueRoom("cursors");
      const [ana, bob] = [await join(room), await join(room)];
      await show(
        ana,
        volatile({ x: 1 }),
        volatile({ x: 2 }, { key: "pen" }),
        volatile("a", { event: "tool" }),
      );
      await show(bob, volatile({ x: 3 }));
      await show(ana, volatile({ x: 4 }));

      const [welcome, ...others] = await joinBy(room);

      expect(welcome).toMatchObject({ type: "welcome" });
      const kept = { type: "message", kept: true, time: expect.any(Number) as number };
      expect(others.filter(({ type }) => type !== "position")).toEqual([
        { ...kept, from: ana.member, event: "cursor", data: { x: 2 } },
        { ...kept, from: ana.member, event: "tool", data: "a" },
        { ...kept, from: bob.member, event: "cursor", data: { x: 3 } },
        { ...kept, from: ana.member, event: "cursor", data: { x: 4 } },
      ]);
    },
  );

  it("[A11 W6] a kept message has the time of its delivery, and a newer one arrives without a mark", async () => {
    const room = uniqueRoom("cursors");
    const ana = await join(room);
    ana.send(volatile(1));
    const live = await ana.inbox.take("message");

    const bob = await join(room);
    ana.send(volatile(2));
    await bob.inbox.take("message", ({ data }) => data === 2);

    const received = bob.inbox.all.filter((frame) => frame.type === "message");
    expect(received).toEqual([
      { ...live, kept: true },
      { ...live, data: 2, time: expect.any(Number) as number },
    ]);
  });

  it("[A11 A10] bytes are kept as bytes", async () => {
    const room = uniqueRoom("cursors");
    const ana = await join(room);
    await show(ana, { type: "publish", event: "shape", bytes: "AQID", volatile: true });

    expect(keptOf(await framesOfJoin(await join(room)))).toMatchObject([{ event: "shape", bytes: "AQID" }]);
  });

  it("[A11 W6 P4] a client that reconnects receives the kept messages before the messages that it missed", async () => {
    const room = uniqueRoom("keeps");
    const [ana, bob] = [await join(room, { to }), await join(room, { to })];
    await ana.publish("chat", 1);
    await bob.inbox.take("message");
    bob.close(4002);
    await show(ana, volatile("here"));
    await ana.publish("chat", 2);

    const again = await rejoin(room, bob, { to });
    await again.inbox.take("position");

    expect(again.inbox.all).toMatchObject([
      { type: "welcome", recovered: true },
      { type: "message", data: "here", kept: true },
      { type: "message", data: 2, offset: 2 },
      { type: "position", reason: "replayed" },
    ]);
  });

  it("[W6 Q5 Q7] a poll that continues receives no kept messages", async () => {
    const room = uniqueRoom("cursors");
    const ana = await join(room);
    const bob = await joinByPoll(room);
    await show(ana, volatile(1));

    expect(await bob.poll()).toEqual([]);
    expect(keptOf((await joinByPoll(room)).all)).toMatchObject([{ data: 1 }]);
  });

  it("[W6 J10] a client that only watches receives the kept messages", async () => {
    const room = uniqueRoom("cursors");
    await show(await join(room), volatile(1));

    const eve = await join(room, { query: { view: "1" } });
    await eve.inbox.take("message");

    expect(keptOf(eve.inbox.all)).toMatchObject([{ data: 1 }]);
  });

  it("[W6 D6] a client without the capability history receives no kept messages", async () => {
    const room = uniqueRoom("closed-keeps");
    const headersOf = async (rooms?: Record<string, string[]>): Promise<{ Authorization: string }> =>
      bearer(await token({ user: "user", ...(rooms && { rooms }) }));
    await show(await join(room, { to, headers: await headersOf() }), volatile(1));

    const without = { "*": ["join", "publish", "presence", "state", "members"] };
    expect(await keptBy(join(room, { to, headers: await headersOf(without) }))).toEqual([]);
    expect(await keptBy(join(room, { to, headers: await headersOf() }))).toEqual([1]);
  });

  it("[A11 W6] a kind without the option keeps no volatile messages", async () => {
    const room = uniqueRoom();
    await show(await join(room), volatile(1));

    expect(await keptBy(join(room))).toEqual([]);
  });

  it("[W6 L4 L6] the kept messages count as a part of the welcome", async () => {
    const room = uniqueRoom("cursors");
    await show(await join(room), volatile("x".repeat(1_000)));

    const bob = await join(room);
    await bob.inbox.take("message");

    const lengthsOf = ({ inbox: { lengths } }: WebSocketMember): number =>
      (lengths[0] ?? 0) + (lengths[1] ?? 0);
    const welcomes = await inRoom(room, (state) =>
      state.getWebSockets().map((socket) => {
        const attached = readAttachment(socket);
        return attached?.is === "session" ? attached.sendWindow.welcome : undefined;
      }),
    );
    expect(welcomes).toContain(lengthsOf(bob));
    expect(lengthsOf(bob)).toBeGreaterThan(1_000);
  });
});

describe("what a room keeps", () => {
  it("[A11 A7 R1] messages for some members are not kept, and replace no kept message", async () => {
    const room = uniqueRoom("cursors");
    const [ana, bob] = [await join(room), await join(room)];
    await show(ana, volatile("all"), volatile("bob", { to: [bob.member] }));
    await show(ana, volatile({ id: "1" }, { event: "$request", key: "1", to: [bob.member] }));

    expect(await keptBy(rejoin(room, bob))).toEqual(["all"]);
  });

  it("[A11 K2] messages of the room itself are not kept", async () => {
    setHooks({ onPublish: (room) => room.send("tick", 1) });
    const room = uniqueRoom("keeps");
    const ana = await join(room, { to });
    await show(ana, volatile("own"));
    await ana.inbox.take("message", ({ event }) => event === "tick");

    expect(await keptBy(join(room, { to }))).toEqual(["own"]);
  });

  it("[A11 K1] a rejected message is not kept, and a changed one is kept as it was delivered", async () => {
    const room = uniqueRoom("keeps");
    const ana = await join(room, { to });
    setHooks({
      onPublish: (_room, _member, { data }) => {
        if (data === "rude") return refuse("be kind");
        return data === "soft" ? { data: "SOFT" } : undefined;
      },
    });
    await show(ana, volatile("soft"), volatile("rude"));

    expect(await keptBy(join(room, { to }))).toEqual(["SOFT"]);
  });

  it("[A11 A6] the messages of a member that leaves are forgotten, even if it leaves in the frame that publishes them", async () => {
    const room = uniqueRoom("cursors");
    const [ana, bob, cem] = [await join(room), await join(room), await join(room)];
    await show(ana, volatile("ana"));
    await show(cem, volatile("cem"));
    bob.send([volatile("bob"), { type: "leave" }]);
    await bob.closed;
    ana.send({ type: "leave" });
    await ana.closed;

    expect(await keptBy(join(room))).toEqual(["cem"]);
  });

  it("[A11 M4] the messages of a member with a lost connection are kept until its grace period ends", async () => {
    vi.setSystemTime(Date.now());
    const room = uniqueRoom("keeps");
    const [ana, bob] = [await join(room, { to }), await join(room, { to })];
    await show(bob, volatile("bob"));
    await ana.inbox.take("message");
    bob.close(4002); // not a leave
    await vi.waitFor(async () => expect(await graceUntil(room, bob.member)).toBeGreaterThan(0));

    expect(await keptBy(join(room, { to }))).toEqual(["bob"]);
    vi.setSystemTime(Date.now() + 60_000);
    await runDurableObjectAlarm(kindsRoom(room).stub as DurableObjectStub);

    expect(await keptBy(join(room, { to }))).toEqual([]);
  });

  it("[A11 G10] a member with many keys displaces its own messages, and not those of others", async () => {
    const room = uniqueRoom("keeps");
    const [ana, bob] = [await join(room, { to }), await join(room, { to })];
    await show(ana, volatile("ana"));
    await show(bob, ...Array.from({ length: 40 }, (_, key) => volatile(key, { key: String(key) })));

    const kept = await keptBy(join(room, { to }));
    expect(kept[0]).toBe("ana");
    expect(kept.at(-1)).toBe(39);
    expect(kept.length).toBeLessThan(6);
  });

  it("[A11 G10] a message that is larger than the share of a member is not kept, nor is the one that it replaces", async () => {
    const room = uniqueRoom("keeps");
    const ana = await join(room, { to });
    await show(ana, volatile("small"));
    await show(ana, volatile("x".repeat(600)));

    expect(await keptBy(join(room, { to }))).toEqual([]);
  });
});

describe("kept messages in memory", () => {
  it("[A11 G6] a room that hibernates forgets its kept messages, and keeps newer ones", async () => {
    const room = uniqueRoom("cursors");
    const ana = await join(room);
    await show(ana, volatile(1));
    await evict(room);

    expect(await keptBy(join(room))).toEqual([]);
    await show(ana, volatile(2));
    expect(await keptBy(join(room))).toEqual([2]);
  });

  it("[A11 G6] a room that crashes forgets its kept messages, and keeps newer ones", async () => {
    const room = uniqueRoom("keeps");
    const ana = await join(room, { to });
    await show(ana, volatile(1));
    await crash();

    const again = await rejoin(room, ana, { to });
    expect(keptOf(again.inbox.all)).toEqual([]);
    await show(again, volatile(2));
    expect(await keptBy(join(room, { to }))).toEqual([2]);
  });

  it("[A11 G8] a kept message writes nothing", async () => {
    const room = uniqueRoom("cursors");
    await show(await join(room), volatile(1));

    expect(await keptBy(join(room))).toEqual([1]);
    expect(await tablesOf(room)).toEqual([]);
  });
});

/** When the grace period of a member ends; `null` while it is connected. */
async function graceUntil(room: string, member: string): Promise<number | null | undefined> {
  const rows = await kindsRoom(room).inside(({ storage }) =>
    storage.sql
      .exec<{ graceUntil: number | null }>("SELECT graceUntil FROM member WHERE id = ?", member)
      .toArray(),
  );
  return rows[0]?.graceUntil;
}
