import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { randomKey } from "../../../src/protocol/ids.ts";
import { withoutBufferedAmount } from "../support/buffered.ts";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { pass, Reader } from "../support/reader.ts";
import { uniqueAddress, uniqueRoom } from "../support/rooms.ts";
import { join, joinWebSocket, upgrade, WebSocketMember, type WebSocketJoin } from "../support/websocket.ts";

// The clock stops unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

/** The limit of unread data in the rooms of these tests, in bytes. */
const MAX_UNREAD = 1_048_576;

/** The limits of unanswered closes in these rooms, for all clients and for one address. */
const MAX_CLOSING = 12;
const MAX_CLOSING_OF_ONE = 3;

/** The largest part of each welcome. */
const STATE_CHARS = 200_000;

/** How long the Worker repeats a room's rejection without asking the room. */
const REFUSED_MS = 1_000;

/** The answers to joins, kept because garbage collection closes a socket that nobody references. */
const held: Response[] = [];
afterEach(() => {
  for (const { webSocket } of held.splice(0)) {
    try {
      webSocket?.accept();
      webSocket?.close();
    } catch {
      // The test has accepted it.
    }
  }
});

/** Joins, and reads nothing at first, so everything that the room sends stays queued in its memory. */
async function joinUnread(room: string, options: WebSocketJoin = {}): Promise<() => WebSocketMember> {
  const response = await upgrade(room, { to: serveKinds, ...options });
  held.push(response);
  const { webSocket } = response;
  if (webSocket === null) throw new Error(`refused: ${await response.text()}`);
  return () => new WebSocketMember(response, webSocket);
}

/** The error of a rejected join, in plain HTTP or over the socket; `undefined` when it is accepted. */
async function refusalOf(room: string, options: WebSocketJoin = {}): Promise<object | undefined> {
  pass(REFUSED_MS);
  const response = await upgrade(room, { to: serveKinds, ...options });
  if (response.webSocket === null) return { status: response.status, ...(await response.json<object>()) };
  const { inbox } = new WebSocketMember(response, response.webSocket);
  const frame = await inbox.take(["welcome", "error"]);
  return frame.type === "error" ? frame : undefined;
}

/** The bytes that the runtime reports as queued for the sockets of the room, including closed ones. */
function queued(room: string): Promise<number[]> {
  return kindsRoom(room).inside((state) =>
    state.getWebSockets().map((socket) => (socket as unknown as { bufferedAmount: number }).bufferedAmount),
  );
}

/** Resolves once the room's sockets have nothing queued. */
function drained(room: string): Promise<void> {
  return vi.waitFor(async () => expect(sum(await queued(room))).toBe(0));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** A room with a state that makes welcomes large, and the member that has set it. */
async function fullRoom(): Promise<{ readonly room: string; readonly ana: Reader }> {
  const room = uniqueRoom("tight");
  const ana = await Reader.join(room, { isTestKind: true });
  await ana.member.act({ type: "set", set: { big: "x".repeat(STATE_CHARS) } });
  await ana.report();
  return { room, ana };
}

describe("a room whose clients do not read their welcomes", () => {
  it("[J9 G10] a room rejects joins with room_busy and retryAfterMs once half of maxUnreadBytes is unread, and accepts them when that is read", async () => {
    const { room } = await fullRoom();
    const unread = [await joinUnread(room), await joinUnread(room), await joinUnread(room)];

    expect(await refusalOf(room)).toMatchObject({
      status: 503,
      code: "room_busy",
      limit: "maxUnreadBytes",
      retryAfterMs: expect.any(Number) as number,
    });
    expect(sum(await queued(room))).toBeLessThan(MAX_UNREAD);
    for (const read of unread) read();
    await drained(room);
    expect(await refusalOf(room)).toBeUndefined();
  });

  it("[J9] a member reconnects while others leave half of maxUnreadBytes unread, also right after a new client was rejected", async () => {
    const { room } = await fullRoom();
    const from = { key: randomKey(), headers: { "CF-Connecting-IP": uniqueAddress() } };
    const ben = await join(room, { to: serveKinds, ...from });
    await ben.welcome();
    for (let n = 0; n < 3; n++) await joinUnread(room);
    expect(await refusalOf(room)).toMatchObject({ code: "room_busy", limit: "maxUnreadBytes" });

    const again = await join(room, { to: serveKinds, ...from });

    expect((await again.welcome()).member).toBe((await ben.welcome()).member);
    expect(await refusalOf(room)).toMatchObject({ code: "room_busy", limit: "maxUnreadBytes" });
  });

  it("[J9 J5] a room counts the queued data of connections that it has closed, and rejects their source before others", async () => {
    const { room } = await fullRoom();
    const from = { key: randomKey(), headers: { "CF-Connecting-IP": uniqueAddress() } };
    await joinUnread(room, from);
    await joinUnread(room, from); // It replaces the first connection, whose queued data stays.

    expect(await refusalOf(room, from)).toMatchObject({ code: "room_full", limit: "maxUnreadBytes" });
    expect(await refusalOf(room)).toBeUndefined();
  });

  it("[J9] a room rejects the source of closed connections by the data they were sent, where the runtime does not report queued data", async () => {
    withoutBufferedAmount();
    const { room } = await fullRoom();
    const from = { key: randomKey(), headers: { "CF-Connecting-IP": uniqueAddress() } };
    for (let n = 0; n < 3; n++) await joinUnread(room, from);

    expect(await refusalOf(room, from)).toMatchObject({ code: "room_full", limit: "maxUnreadBytes" });
    expect(await refusalOf(room)).toBeUndefined();
  });
});

describe("a room with many connections that do not read", () => {
  it.each([
    ["report what they read", { query: { flow: "1" } }],
    ["send no reports", {}],
  ])(
    "[L5 L6 G7] a room holds no more than maxUnreadBytes for all clients together that %s, and others receive everything",
    async (_what, options) => {
      const room = uniqueRoom("tight");
      const ana = await Reader.join(room, { isTestKind: true });
      for (let n = 0; n < 20; n++) await joinUnread(room, options);

      for (let n = 1; n <= 30; n++) {
        pass(1_000);
        expect(await ana.member.publish("e", "x".repeat(50_000))).toMatchObject({ offset: n });
        await ana.report();
        expect(sum(await queued(room))).toBeLessThan(MAX_UNREAD);
      }

      expect(ana.offsets).toHaveLength(30);
    },
  );
});

describe("connections whose clients do not answer the close", () => {
  /** Joins repeatedly as one session whose client answers no close. */
  async function replace(room: string, times: number, options: WebSocketJoin): Promise<WebSocketMember[]> {
    const members: WebSocketMember[] = [];
    for (let n = 0; n < times; n++)
      members.push(await join(room, { to: serveKinds, allowHalfOpen: true, ...options }));
    return members;
  }

  it("[J9] unanswered closes lock out only a source that has a quarter of maxClosing, with room_full", async () => {
    const room = uniqueRoom("tight");
    const from = { key: randomKey(), headers: { "CF-Connecting-IP": uniqueAddress() } };
    await replace(room, MAX_CLOSING_OF_ONE + 1, from);

    expect(await refusalOf(room, from)).toMatchObject({
      code: "room_full",
      limit: "maxClosing",
      retryAfterMs: expect.any(Number) as number,
    });
    expect(await refusalOf(room)).toBeUndefined();
  });

  it("[J9 G6] maxClosing unanswered closes lock out everyone, also after a hibernation, until they are answered", async () => {
    const room = uniqueRoom("tight");
    const left: WebSocketMember[] = [];
    for (let n = 0; n < MAX_CLOSING / MAX_CLOSING_OF_ONE; n++)
      left.push(
        ...(await replace(room, MAX_CLOSING_OF_ONE + 1, {
          key: randomKey(),
          headers: { "CF-Connecting-IP": uniqueAddress() },
        })),
      );
    const full = { code: "room_full", limit: "maxClosing" };

    expect(await refusalOf(room)).toMatchObject(full);
    await kindsRoom(room).evict();
    expect(await refusalOf(room)).toMatchObject(full);
    await left[0]?.closed;
    left[0]?.close(4504, "answered");
    await vi.waitFor(async () => expect(await queued(room)).toHaveLength(left.length - 1));
    expect(await refusalOf(room)).toBeUndefined();
  });
});

it("[J9 G6] a join is rejected with room_full when the platform accepts no further socket, and the room continues", async () => {
  const room = uniqueRoom("tight");
  const ana = await join(room, { to: serveKinds });
  const logged = vi.spyOn(console, "error").mockImplementation(() => undefined);
  await kindsRoom(room).inside((state) => {
    vi.spyOn(state, "acceptWebSocket").mockImplementationOnce(() => {
      throw new Error("only 32768 websockets can be accepted on a single Durable Object instance");
    });
  });

  const refused = await joinWebSocket(room, { to: serveKinds });

  expect(await refused.inbox.take("error")).toMatchObject({ code: "room_full" });
  expect(logged.mock.calls.map(([line]) => JSON.parse(String(line)) as unknown)).toMatchObject([
    { event: "accept_failed", room },
  ]);
  logged.mockRestore();
  expect(await ana.publish("e", 1)).toMatchObject({ offset: 1 });
  expect(await kindsRoom(room).info()).toMatchObject({ members: 1 });
});
