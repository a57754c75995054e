import { describe, expect, it } from "vitest";
import { randomKey } from "../../../src/protocol/ids.ts";
import { OPTIONS } from "../../../src/config/options.ts";
import { openBridge, read } from "../support/bridge.ts";
import { infoOf, uniqueRoom } from "../support/rooms.ts";
import { serverWith } from "../support/servers.ts";
import { joinSse } from "../support/sse.ts";
import { join } from "../support/websocket.ts";

describe("events", () => {
  it("[S1] a stream begins with a retry time, spread from SSE_RETRY_MS to twice its value", async () => {
    const server = serverWith({ SSE_RETRY_MS: "10000" });
    const members = await Promise.all(Array.from({ length: 8 }, () => joinSse(uniqueRoom(), { to: server })));
    const delays = members.map(({ stream }) => stream.retryMs ?? 0);

    for (const delay of delays) expect(delay >= 10_000 && delay <= 20_000).toBe(true);
    expect(new Set(delays).size).toBeGreaterThan(1);
    expect(await firstBytes(uniqueRoom())).toMatch(/^retry: \d+\n/);
  });

  it("[S1 P3 G4] every event has the position after it as id, and no event name", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const at = (offset: number): string => `${ana.position.split(":")[0]}:${offset}`;
    const start = ana.position;
    ana.send([1, 2].map((ref) => ({ type: "publish", ref, event: "e" })));
    await ana.inbox.take("ack", ({ ref }) => ref === 2);

    const bob = await joinSse(room, { after: start });
    await bob.inbox.take("position");
    await ana.publish("e", 3, { ref: 3 });
    await ana.setPresence("hello");
    await bob.inbox.take("presence");

    expect(bob.stream.events.map(({ event, id }) => [event, id])).toEqual([
      ["", at(0)], // the welcome, with the start of the replay
      ["", at(2)], // missed messages
      ["", at(2)], // position
      ["", at(3)],
      ["", at(3)], // presence
    ]);
  });

  it("[S1 S5] the last event of a stream has an id", async () => {
    const bob = await joinSse(uniqueRoom());
    await bob.post({ type: "leave" });
    await bob.ended;
    const other = openBridge({ sseMaxFrames: 1 });
    other.room.send('e:1\n{"type":"pong"}');
    const rotated = await read(other.reader);

    expect(bob.stream.events.at(-1)?.id).toBe("~closed");
    expect(rotated.events.map(({ id }) => id)).toEqual(["e:1", "e:1"]);
  });

  it("[S2 G4] an EventSource reconnects as the same member, and receives exactly the missed messages", async () => {
    const [room, key] = [uniqueRoom(), randomKey()];
    const ana = await join(room);
    const bob = await joinSse(room, { key, query: { rewind: "5" } });
    await ana.publish("e", 1);
    await bob.inbox.take("message");
    bob.vanish();
    await ana.publish("e", 2);

    const again = await joinSse(room, { key, query: { rewind: "5" }, lastEventId: bob.stream.lastEventId });
    await again.inbox.take("position");

    expect(again.member).toBe(bob.member);
    expect(again.inbox.messages.map(({ offset }) => offset)).toEqual([2]);
    expect(await again.welcome()).toMatchObject({ recovered: true });
  });

  it("[S2 G4] an EventSource that received only the welcome misses nothing", async () => {
    const [room, key] = [uniqueRoom(), randomKey()];
    const ana = await join(room);
    const bob = await joinSse(room, { key });
    bob.vanish();
    await ana.publish("e", 1);

    const again = await joinSse(room, { key, lastEventId: bob.stream.lastEventId });
    await again.inbox.take("position");

    expect(again.inbox.messages.map(({ offset }) => offset)).toEqual([1]);
  });

  it("[S2 P5] a Last-Event-ID of another log is handled like any position of another log", async () => {
    const bob = await joinSse(uniqueRoom(), { lastEventId: "other:7" });

    expect(await bob.welcome()).toMatchObject({ recovered: false, reason: "epoch" });
  });
});

describe("liveness", () => {
  it("[S3] a stream has a comment per SSE_HEARTBEAT_MS, whose maximum is 25 seconds", async () => {
    const { reader, room } = openBridge({ sseHeartbeatMs: 5 });

    const stream = await read(reader, ({ comments }) => comments >= 3);
    room.close(4000, "done");

    expect(stream.comments).toBeGreaterThanOrEqual(3);
    expect(OPTIONS.sseHeartbeatMs.max).toBeLessThanOrEqual(25_000);
  });

  it("[S3 L4] the room receives a ping after the reader has read a heartbeat", async () => {
    const { reader, pinged, room } = openBridge({ sseHeartbeatMs: 5 });

    const first = await Promise.race([read(reader), pinged.then(() => "a ping")]);
    room.close(4000, "done");

    expect(first).toBe("a ping");
  });

  it("[S3 G9] a heartbeat detects a reader that has disconnected, and closes the connection to the room", async () => {
    const { reader, closed } = openBridge({ sseHeartbeatMs: 5 });

    await reader.cancel();

    expect(await closed).toBeLessThan(4500);
  });

  it("[S3 G9] the member of a reader that has disconnected leaves the room", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await joinSse(room)];

    bob.vanish();

    expect(await ana.inbox.take("presence", (frame) => frame.left !== undefined)).toMatchObject({
      left: [{ id: bob.member }],
      count: 1,
    });
    expect(await infoOf(room)).toMatchObject({ members: 1 });
  });
});

describe("headers", () => {
  it("[H4 S1] a stream can be read from any origin, and its headers prevent caching and buffering", async () => {
    const { response } = await joinSse(uniqueRoom(), { headers: { Origin: "https://example.com" } });

    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(response.headers.get("Cache-Control")).toBe("no-cache, no-transform");
  });
});

async function firstBytes(room: string): Promise<string> {
  const response = await serverWith({})(new Request(`https://x/rooms/${room}/events`));
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return new TextDecoder().decode(value);
}
