import { runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OPTIONS } from "../../../src/config/options.ts";
import type { AttachedSendWindow } from "../../../src/room/connections/attachment.ts";
import { oneTo, pass, publishBig, Reader } from "../support/reader.ts";
import { evict, inRoom, roomStub, uniqueRoom } from "../support/rooms.ts";
import { joinSse, post } from "../support/sse.ts";
import { join, type WebSocketMember } from "../support/websocket.ts";

const BURST = OPTIONS.messagesBurst.default;
const BYTES_BURST = OPTIONS.bytesBurst.default;
/** What a stalled network can deliver at once: five seconds' worth. Rejections count as abuse only beyond that. */
const STALL_MESSAGES = 5 * OPTIONS.messagesPerSecond.default;
const STALL_BYTES = 5 * OPTIONS.bytesPerSecond.default;
const MAX_REFUSALS = OPTIONS.maxRefusals.default;

/** The reports that a client may send for frames that were in transit while the room slept. */
const SPARE = 64;

const SEEN = { type: "seen", chars: 1 };

// The clock stands still unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

/** Resolves once a member was rejected this many times. */
async function refused(member: WebSocketMember, count: number): Promise<void> {
  await member.inbox.until(({ all }) => all.filter(({ type }) => type === "error").length >= count);
}

/** How many characters a member has reported as read. */
function seenBy(room: string, member: string): Promise<number | undefined> {
  return inRoom(room, (state) => {
    const attached = state
      .getWebSockets()
      .map((socket) => socket.deserializeAttachment() as { member?: string; lane?: AttachedSendWindow });
    return attached.find((each) => each.member === member)?.lane?.seen;
  });
}

describe("frames that get no reply", () => {
  it("[L1 A9 L2] a flood of large seen frames is charged by its bytes, rejected, and closed with abuse", async () => {
    const eve = await join(uniqueRoom());
    const frame = JSON.stringify({ ...SEEN, x: "x".repeat(60_000) });
    const within = Math.floor(BYTES_BURST / frame.length);

    for (let n = 0; n < within; n++) eve.send(frame);
    await eve.publish("e", 1);
    const before = eve.inbox.all.filter(({ type }) => type === "error");
    for (let n = 0; n < STALL_BYTES / frame.length + MAX_REFUSALS; n++) eve.send(frame);

    expect(before).toEqual([]);
    expect(await eve.inbox.take("error")).toMatchObject({ code: "rate_limited", limit: "bytesPerSecond" });
    expect(await eve.closed).toMatchObject({ code: 4505 });
  });

  it("[A9 L1 L2] a seen beyond the number of sent frames is charged as a message", async () => {
    const eve = await join(uniqueRoom());

    for (let sent = 0; sent < 2 * SPARE + BURST; sent += 64) eve.send(Array.from({ length: 64 }, () => SEEN));

    expect(await eve.inbox.take("error")).toMatchObject({ code: "rate_limited", limit: "messagesPerSecond" });
    for (let n = 0; n < STALL_MESSAGES + MAX_REFUSALS; n++) eve.send(SEEN);
    expect(await eve.closed).toMatchObject({ code: 4505 });
  });

  it("[A9 G10] one seen per sent frame is never rejected, even while its member has spent all messages", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room, { query: { flow: "1" } })];
    for (let n = 0; n < BURST; n++) bob.send({ type: "publish", event: "mine" });
    await ana.inbox.until(({ messages }) => messages.length === BURST);

    for (let n = 0; n < 100; n++) {
      pass(100);
      await ana.publish("e", n);
      await bob.inbox.take("message", ({ event }) => event === "e");
      bob.send({ type: "seen", chars: bob.inbox.lengths.reduce((sum, length) => sum + length, 0) });
    }
    await bob.publish("last", 1);

    expect(bob.inbox.all.filter(({ type }) => type === "error")).toEqual([]);
  });

  it("[A9 L5 G4] a rejected seen still takes effect, and its member receives the missed messages", async () => {
    const room = uniqueRoom();
    const ana = await joinSse(room);
    const bob = await Reader.join(room);
    await publishBig(ana, 8);
    const { behind } = await bob.settled();
    bob.member.send("x".repeat(65_536));
    for (let n = 0; n < 3; n++) bob.member.send("{" + "x".repeat(65_000));
    await refused(bob.member, 4);

    bob.member.send({ type: "seen", chars: bob.chars, x: "x".repeat(60_000) });
    await bob.inbox.take("error", ({ limit }) => limit === "bytesPerSecond");
    await bob.inbox.until(({ messages }) => messages.length === 8);

    expect(behind).toBeDefined();
    expect(bob.offsets).toEqual(oneTo(8));
  });

  it("[A9 H3 S4] a rejected seen of a bridge is not reported to its client, which has not sent it", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await joinSse(room), await joinSse(room)];
    const largest = "x".repeat(OPTIONS.maxFrameBytes.default);
    for (let n = 0; n < BYTES_BURST / largest.length; n++) await post(room, bob, largest);
    const { status } = await post(room, bob, SEEN);

    for (let n = 0; n < 4; n++) await ana.publish("big", "x".repeat(60_000));
    await vi.waitFor(async () => expect(await seenBy(room, bob.member)).toBeGreaterThan(180_000));
    await ana.publish("last", 1);
    await bob.inbox.take("message", ({ event }) => event === "last");

    expect(status).toBe(429);
    expect(bob.inbox.all.filter(({ type }) => type === "error")).toEqual([]);
  });

  it("[A9 L1] a seen by POST has no effect, and is charged as a message", async () => {
    const room = uniqueRoom();
    const bob = await joinSse(room);
    const statuses = [];

    for (let n = 0; n < BURST + 1; n += 64) {
      const size = Math.min(64, BURST + 1 - n);
      const { body } = await post(
        room,
        bob,
        Array.from({ length: size }, () => SEEN),
      );
      statuses.push(...(body as { readonly type: string }[]).map(({ type }) => type));
    }

    expect(statuses).toEqual([...Array<string>(BURST).fill("ack"), "error"]);
  });

  it.each([
    ["empty frames", ""],
    ["spaces", " "],
    ["pings that the platform does not answer", "ping "],
    ["pings in capitals", "PING"],
    ["empty arrays", "[]"],
    ["empty binary frames", new ArrayBuffer(0)],
    ["seen without a number", JSON.stringify({ type: "seen" })],
    ["auth without a token", JSON.stringify({ type: "auth" })],
    ["auth with an invalid token", JSON.stringify({ type: "auth", token: "x" })],
  ])("[L2 F2] a flood of %s is closed with abuse", async (_what, frame) => {
    const eve = await join(uniqueRoom());

    for (let n = 0; n < MAX_REFUSALS; n++) eve.send(frame as string);

    expect(await eve.closed).toMatchObject({ code: 4505 });
  });
});

it("[L2 C2] frames on a connection that the room has closed are dropped unread", async () => {
  const room = uniqueRoom();
  const eve = await join(room);
  const parsed = await runInDurableObject(
    roomStub(room) as DurableObjectStub,
    async (instance: DurableObject, state) => {
      const [socket] = state.getWebSockets();
      if (socket === undefined) throw new Error("nobody is here");
      const frame = JSON.stringify({ type: "publish", event: "e" });
      for (let n = 0; n < MAX_REFUSALS; n++) await instance.webSocketMessage?.(socket, "{");
      using parse = vi.spyOn(JSON, "parse");
      for (let n = 0; n < 10; n++) await instance.webSocketMessage?.(socket, frame);
      return parse.mock.calls.length;
    },
  );

  expect(await eve.closed).toMatchObject({ code: 4505 });
  expect(parsed).toBe(0);
});

it("[L2 C2] after a sleep, frames on a connection that the room has closed do not reach the room", async () => {
  const room = uniqueRoom();
  const eve = await join(room, { allowHalfOpen: true });
  for (let n = 0; n < MAX_REFUSALS; n++) eve.send("{");
  await eve.closed;
  await evict(room);

  const reads = await runInDurableObject(
    roomStub(room) as DurableObjectStub,
    async (instance: DurableObject, state) => {
      const [socket] = state.getWebSockets();
      if (socket === undefined) throw new Error("the close was answered");
      await instance.webSocketMessage?.(socket, "{");
      using read = vi.spyOn(socket, "deserializeAttachment");
      for (let n = 0; n < 10; n++) await instance.webSocketMessage?.(socket, "{");
      return read.mock.calls.length;
    },
  );

  expect(reads).toBe(0);
});
