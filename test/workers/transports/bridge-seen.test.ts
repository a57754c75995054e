import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OPTIONS } from "../../../src/config/options.ts";
import { randomKey } from "../../../src/protocol/ids.ts";
import { readAttachment } from "../../../src/room/connections/attachment.ts";
import type { SendWindowRecord } from "../../../src/room/connections/send-window.ts";
import { EventStream } from "../../support/event-stream.ts";
import { openBridge, read, readInto } from "../support/bridge.ts";
import { oneTo, pass, publishBig } from "../support/reader.ts";
import { evict, inRoom, infoOf, request, roomPath, roomStub, uniqueRoom } from "../support/rooms.ts";
import { joinSse, type SseMember } from "../support/sse.ts";

// The clock is frozen. Only the tests move it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

/** The flow-control window of every bridge, in characters. */
const BRIDGE_WINDOW = 65_536;

const welcome = (limits: object): string => `e:0\n${JSON.stringify({ type: "welcome", limits })}`;

/** Frames of a given length, as a room sends them to a bridge. */
function frames(count: number, chars: number): string[] {
  const [head, tail] = ['e:1\n{"data":"', '"}'];
  return Array.from({ length: count }, () => head + "x".repeat(chars - head.length - tail.length) + tail);
}

describe("a bridge's reports", () => {
  it("[S4 L5] a bridge reports nothing as seen before its reader has read it", async () => {
    const { room, reader, seen } = openBridge({ sseHeartbeatMs: 60_000 });
    const texts = [welcome({ windowChars: 4_000 }), ...frames(10, 1_000)];
    for (const text of texts) room.send(text);
    const first = texts[0]?.length ?? 0;

    await read(reader, ({ inbox }) => inbox.texts.length === 4);
    await vi.waitFor(() => expect(seen.length).toBeGreaterThan(0));

    // The chunk that is being written counts with the next report.
    expect(seen.at(-1)).toBeLessThanOrEqual(first + 3_000);
    await read(reader, ({ inbox }) => inbox.texts.length === 7);
    await vi.waitFor(() => expect(seen.at(-1)).toBe(first + 10_000));
  });

  it("[S4 L5] a bridge reports once per quarter of the window, with the total UTF-16 units of the room's frames", async () => {
    const { room, reader, seen } = openBridge({ sseHeartbeatMs: 60_000 });
    const text = `e:1\n{"data":"${"é😀".repeat(100)}"}`;
    const texts = [welcome({ windowChars: 4_000 }), ...Array.from({ length: 40 }, () => text)];
    for (const each of texts) room.send(each);
    room.send('{"type":"pong"}');

    await read(reader, ({ inbox }) => inbox.texts.length === texts.length);
    const total = texts.reduce((sum, { length }) => sum + length, 0);
    await vi.waitFor(() => expect(total - (seen.at(-1) ?? 0)).toBeLessThan(1_000));

    expect(seen).toHaveLength(Math.floor(total / (4 * text.length)));
    expect(seen.map((chars, index) => chars - (seen[index - 1] ?? 0) < 1_000 + text.length)).toEqual(
      seen.map(() => true),
    );
  });

  it("[S4 V1] a bridge reports nothing to a room whose welcome has no window", async () => {
    const { room, reader, seen, pinged } = openBridge({});
    for (const text of [welcome({}), ...frames(10, 100_000)]) room.send(text);

    await read(reader, ({ inbox, comments }) => inbox.texts.length === 11 && comments > 0);
    await pinged;

    expect(seen).toEqual([]);
  });

  it("[S4 S5] a bridge whose room closes while its reader is slow sends all remaining frames and the close", async () => {
    const { room, reader } = openBridge({ sseHeartbeatMs: 60_000 });
    for (const text of [welcome({ windowChars: 4_000 }), ...frames(4, 1_000)]) room.send(text);
    room.close(4003, "the member reads too slowly");

    const { inbox, lastEventId } = await read(reader);

    expect(inbox.all.map(({ type }) => type ?? "data")).toEqual([
      "welcome",
      ...Array<string>(4).fill("data"),
      "close",
    ]);
    expect(inbox.all.at(-1)).toEqual({ type: "close", code: 4003, reason: "the member reads too slowly" });
    expect(lastEventId).toBe("e:1");
  });
});

describe("an SSE reader that stops reading", () => {
  /** A reader that does not read its open stream, in a room with one other member. */
  async function openUnread(
    room: string,
    other: SseMember,
    headers: Record<string, string> = {},
    key = randomKey(),
  ) {
    const response = await request(roomPath(room, `/events?key=${key}`), { headers });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const sendWindow = (): Promise<SendWindowRecord | undefined> =>
      inRoom(room, (state) => {
        for (const attached of state.getWebSockets().map(readAttachment)) {
          if (attached.is === "session" && attached.record.member !== other.member)
            return attached.sendWindow;
        }
        return undefined;
      });
    return { key, reader, sendWindow, stream: new EventStream() };
  }

  it("[G7 S4 L5] a reader that stops reading leaves at most a window unread, and receives everything after it reads again", async () => {
    const room = uniqueRoom();
    const ana = await joinSse(room);
    const bob = await openUnread(room, ana);

    await publishBig(ana, 30);
    const { sent = 0, seen, state } = (await bob.sendWindow()) ?? {};
    await ana.publish("last", 1);
    await readInto(bob.stream, bob.reader, ({ inbox }) => inbox.position.endsWith(":31"));

    expect({ seen, state }).toMatchObject({ seen: 0, state: { is: "behind", offset: 1 } });
    expect(sent).toBeLessThanOrEqual(BRIDGE_WINDOW);
    expect(bob.stream.inbox.messages.map(({ offset }) => offset)).toEqual(oneTo(31));
    expect(bob.stream.lastEventId).toMatch(/:31$/);
  });

  it("[G7 S4 L5] a reader that reads occasionally is never sent more than a window ahead", async () => {
    const room = uniqueRoom();
    const ana = await joinSse(room);
    const bob = await openUnread(room, ana);
    await publishBig(ana, 30);

    for (let taken = 2; taken <= 25; taken += 3) {
      await readInto(bob.stream, bob.reader, ({ inbox }) => inbox.messages.length >= taken);
      const chars = bob.stream.inbox.texts.reduce((sum, { length }) => sum + length, 0);
      await vi.waitFor(async () =>
        expect((await bob.sendWindow())?.seen).toBeGreaterThan(chars - BRIDGE_WINDOW),
      );
      const { sent = 0, seen = 0 } = (await bob.sendWindow()) ?? {};
      expect(sent - seen).toBeLessThanOrEqual(BRIDGE_WINDOW);
      await evict(room);
    }
  });

  it("[S4 A9 L1 L2] a reader is neither charged nor rejected for the replay when it reconnects after a long time", async () => {
    const room = uniqueRoom("chat"); // its burst is 40 messages
    const ana = await joinSse(room);
    await publishBig(ana, 150, 65_400);
    const bob = await openUnread(room, ana, { "Last-Event-ID": ana.position.replace(/\d+$/, "0") });

    await readInto(bob.stream, bob.reader, ({ inbox }) => inbox.position.endsWith(":150"));

    expect(new Set(bob.stream.inbox.all.map(({ type }) => type))).toEqual(new Set(["welcome", "message"]));
  });

  it("[S4 S5 L5 G4] a reader that stops reading for slowTimeoutMs is closed as slow, receives the close when it reads again, and resumes", async () => {
    const room = uniqueRoom("chat");
    const ana = await joinSse(room);
    const bob = await openUnread(room, ana);
    await publishBig(ana, 8);

    pass(OPTIONS.slowTimeoutMs.default + 15_000);
    await runDurableObjectAlarm(roomStub(room) as DurableObjectStub);
    await readInto(bob.stream, bob.reader);
    const again = await openUnread(room, ana, { "Last-Event-ID": bob.stream.lastEventId }, bob.key);
    await readInto(again.stream, again.reader, ({ inbox }) => inbox.position.endsWith(":8"));

    expect(bob.stream.inbox.all.at(-1)).toMatchObject({ type: "close", code: 4003 });
    expect([bob, again].flatMap(({ stream }) => stream.inbox.messages.map(({ offset }) => offset))).toEqual(
      oneTo(8),
    );
    expect(again.stream.inbox.all[0]).toMatchObject({ type: "welcome", recovered: true });
    expect(await infoOf(room)).toMatchObject({ members: 2 });
  });
});
