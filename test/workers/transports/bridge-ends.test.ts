import { afterEach, describe, expect, it, vi } from "vitest";
import { EventStream } from "../../support/event-stream.ts";
import { openBridge, read, readInto } from "../support/bridge.ts";
import { request, roomPath, uniqueAddress, uniqueRoom } from "../support/rooms.ts";
import { serverWith } from "../support/servers.ts";
import { joinSse, openEvents } from "../support/sse.ts";

afterEach(() => vi.useRealTimers());

/** How long the reader of an ended stream may read nothing, in milliseconds. */
const LINGER_MS = 10_000;

/** A frame that is larger than what a bridge passes to the runtime at once. */
const FRAME = `e:1\n{"data":"${"x".repeat(60_000)}"}`;

describe("an ended stream", () => {
  /** A bridge with unread frames whose room has closed the connection. */
  async function endUnread() {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const abort = vi.fn<(reason: Error) => void>();
    const place = { beat: vi.fn<() => void>(), end: vi.fn<() => void>(), cut: vi.fn<() => void>() };
    const bridge = openBridge({ sseHeartbeatMs: 60_000 }, { abort, place });
    for (let n = 0; n < 4; n++) bridge.room.send(FRAME);
    bridge.room.close(4003, "the member reads too slowly");
    await vi.waitFor(() => expect(vi.getTimerCount()).toBeGreaterThan(0)); // this also advances the timers a little
    return { ...bridge, abort, place };
  }

  it("[S4 G7] after the end of a stream, the request of a reader that reads nothing for ten seconds is aborted", async () => {
    const { abort, place } = await endUnread();

    vi.advanceTimersByTime(LINGER_MS / 2);
    expect(abort).not.toHaveBeenCalled();
    vi.advanceTimersByTime(LINGER_MS / 2);

    expect(abort).toHaveBeenCalledOnce();
    expect(place.cut).toHaveBeenCalledOnce();
    expect(place.end).not.toHaveBeenCalled();
  });

  it("[S4 S5] an ended stream waits for its reader while that reads, and frees its place once everything is read", async () => {
    const { reader, abort, place } = await endUnread();
    const stream = new EventStream();

    for (let texts = 1; texts <= 4; texts++) {
      await readInto(stream, reader, ({ inbox }) => inbox.texts.length >= texts);
      vi.advanceTimersByTime(LINGER_MS);
      expect(abort).not.toHaveBeenCalled();
    }
    await readInto(stream, reader);

    expect(stream.inbox.all.at(-1)).toMatchObject({ type: "close", code: 4003 });
    expect(place.end).toHaveBeenCalledOnce();
  });

  it("[S4 G7] an ended stream passes little of the data that its reader has not read to the runtime", async () => {
    const { reader, room } = openBridge({ sseHeartbeatMs: 60_000 });
    for (let n = 0; n < 4; n++) room.send(FRAME);
    await reader.read(); // retry

    const { value } = await reader.read();
    room.close(4000, "done");

    expect(value?.byteLength).toBeLessThanOrEqual(16_384);
    expect((await read(reader)).inbox.all.at(-1)).toMatchObject({ type: "close", code: 4000 });
  });
});

describe("a bridge", () => {
  it("[C3] a bridge sends the room a first frame as soon as it is open", async () => {
    const { room, reader, sent } = openBridge({ sseHeartbeatMs: 60_000 });

    await vi.waitFor(() => expect(sent).toEqual(["ping"]));
    room.close(4000, "done");

    expect((await read(reader)).inbox.all).toHaveLength(1);
  });
});

describe("streams of one source", () => {
  const limited = serverWith({ SSE_STREAMS_PER_SOURCE: "2" });

  it("[L3 S7 G10] streams beyond sseStreamsPerSource are rejected with a retry time, and each ended stream makes room for another", async () => {
    const room = uniqueRoom();
    const from = { to: limited, headers: { "CF-Connecting-IP": uniqueAddress() } };
    const [first] = [await joinSse(room, from), await joinSse(room, from)];

    const plain = await request(roomPath(room, "/events"), { headers: from.headers }, limited);
    const eventSource = await openEvents(room, from);
    await joinSse(room, { to: limited }); // from another address
    await first.post({ type: "leave" });
    await first.ended;
    const next = await joinSse(room, from);

    expect(plain.status).toBe(429);
    expect(plain.headers.get("Retry-After")).toBe("10");
    expect(await plain.json()).toMatchObject({
      code: "rate_limited",
      limit: "sseStreamsPerSource",
      retryAfterMs: 10_000,
      message: expect.stringContaining("limit is 2") as string,
    });
    expect(await eventSource.inbox.take("error")).toMatchObject({ code: "rate_limited" });
    expect(eventSource.stream.retryMs).toBe(10_000);
    expect(await next.welcome()).toBeDefined();
  });

  it("[L3] streams are not counted for joins that the room rejects", async () => {
    const room = uniqueRoom();
    const from = { to: limited, headers: { "CF-Connecting-IP": uniqueAddress() } };
    for (let n = 0; n < 3; n++) await openEvents(room, { ...from, query: { key: "bad" } });

    expect(await (await joinSse(room, from)).welcome()).toBeDefined();
  });
});
