import { describe, expect, it } from "vitest";
import { Line, openLine } from "../support/sse-line.ts";
import { settled } from "../support/fake-world.ts";

describe("the stream", () => {
  it("[J1 J3 J6] the stream is requested with key and position, and without headers that need a preflight", () => {
    const line = new Line();

    expect(line.request.url).toBe(
      "https://parlor.example/rooms/lobby/events?try=7&after=Zk3%3A4&key=keykeykeykeykeykeykey1",
    );
    expect(line.request.init.headers).toEqual({});
    expect(line.request.init.cache).toBe("no-store");
  });

  it("[S1 P3] the stream delivers frames with their position, and reports comments as activity", async () => {
    const line = await openLine();

    await line.write('retry: 1000\n\nid: Zk3:5\ndata: [{"type":"pong"},{"type":"presence","count":1}]\n\n');
    await line.write(": \n\n");

    expect(line.frames.map(({ type }) => type)).toEqual(["pong", "presence"]);
    expect(line.positions).toEqual(["Zk3:5"]);
    expect(line.activities).toBe(2);
  });

  it("[L5] an SSE client does not report what it has read", async () => {
    const line = await openLine();

    await line.write('id: Zk3:5\ndata: {"type":"pong"}\n\n');

    expect(line.chars).toEqual([undefined]);
    expect(line.request.url).not.toContain("flow");
    expect(line.requests).toHaveLength(1);
  });

  it("[S4 C1] a stream that ends counts as a broken connection, with the delay that it requested", async () => {
    const line = await openLine();
    await line.write("retry: 1234\n\n");

    await line.endStream();

    expect(line.ends).toEqual([{ code: 1006, reason: "the stream ended", retryMs: 1234 }]);
  });

  it("[S4 C1] a stream that fails counts as a broken connection", async () => {
    const line = await openLine();

    await line.breakStream();

    expect(line.ends).toMatchObject([{ code: 1006 }]);
  });

  it("[S1 S4] a stream without data for five seconds ends while it owes an act that has a reply", async () => {
    const line = await openLine();
    await line.write('id: Zk3:4\ndata: {"type":"pong"}\n\n');
    line.transport.send({ text: "{…}", refs: [1], authority: "session.key" });
    await line.answer(200, { type: "ack", ref: 1, offset: 6 });
    await line.write('id: Zk3:5\ndata: {"type":"pong"}\n\n');

    line.fire(5_000);

    expect(line.ends).toMatchObject([{ code: 1006, silentMs: 5_000 }]);
    expect(line.timers.size).toBe(0);
  });

  it.each([
    ["has delivered its acts", "Zk3:6"],
    ["is that of a log that has begun again", "Qw8:1"],
  ])("[S1 S4 P6] a stream that %s may be silent", async (_what, id) => {
    const line = await openLine();
    await line.write('id: Zk3:4\ndata: {"type":"pong"}\n\n');
    line.transport.send({ text: "{…}", refs: [1], authority: "session.key" });
    await line.answer(200, { type: "ack", ref: 1, offset: 6 });

    await line.write(`id: ${id}\ndata: {"type":"pong"}\n\n`);

    expect(line.timers.size).toBe(0);
  });

  it("[S5] a close frame ends the stream, and nothing after it is delivered", async () => {
    const line = await openLine();

    await line.write(
      'id: ~closed\ndata: {"type":"close","code":4501,"reason":"kicked"}\n\ndata: {"type":"pong"}\n\n',
    );
    await line.endStream();

    expect(line.ends).toMatchObject([{ code: 4501, reason: "kicked" }]);
    expect(line.frames.map(({ type }) => type)).toEqual(["close"]);
    expect(line.request.init.signal?.aborted).toBe(true);
  });

  it("[F2] text that is not a frame is reported as an error", async () => {
    const line = await openLine();

    await line.write("data: <html>\n\n");

    expect(line.frames).toMatchObject([{ type: "error", code: "bad_frame" }]);
    expect(line.ends).toEqual([]);
  });

  it("[C1] close aborts the stream, and nothing after it is delivered", async () => {
    const line = await openLine();

    line.transport.close(false);
    await settled();

    expect(line.request.init.signal?.aborted).toBe(true);
    expect(line.ends).toEqual([]);
  });
});

describe("rejected streams", () => {
  it.each([
    [429, "rate_limited", 4005],
    [503, "unavailable", 4005],
    [503, "room_full", 4005],
    [500, "internal", 4005],
    [400, "bad_key", 4500],
    [404, "unknown_kind", 4005],
    [403, "banned", 4005],
    [401, "token_invalid", 4500],
    [401, "ticket_expired", 4500],
    [403, "closed_for_good", 4500],
    [429, "brand_new", 4005],
    [503, "brand_new", 4005],
    [418, "brand_new", 4500],
  ])("[S7 E1 V1] a stream rejected with %i %s ends with close code %i", async (status, code, close) => {
    const line = new Line();

    await line.answer(status, { type: "error", code, message: "why" });

    expect(line.frames).toMatchObject([{ type: "error", code, message: "why" }]);
    expect(line.ends).toMatchObject([{ code: close }]);
  });

  it.each([
    [401, "token_invalid"],
    [403, "refused"],
  ])(
    "[E2] %i %s with a retry time ends as a close after which the client may reconnect",
    async (status, code) => {
      const line = new Line();

      await line.answer(status, { type: "error", code, message: "why", retryAfterMs: 4_000 });

      expect(line.frames).toMatchObject([{ type: "error", code, retryAfterMs: 4_000 }]);
      expect(line.ends).toMatchObject([{ code: 4005 }]);
    },
  );

  it("[L3 H4] Retry-After is used if retryAfterMs is absent", async () => {
    const line = new Line();

    await line.answer(429, { type: "error", code: "rate_limited", message: "why" }, { "Retry-After": "10" });

    expect(line.frames).toMatchObject([{ retryAfterMs: 10_000 }]);
  });

  it.each([
    ["a proxy's error", 502, { "Retry-After": "7", "Content-Type": "text/html" }, 7_000],
    ["a captive portal", 200, { "Content-Type": "text/html" }, undefined],
  ])("[C1] %s counts as a broken connection", async (_what, status, headers, retryMs) => {
    const line = new Line();

    await line.answer(status, "<html>", headers as Record<string, string>);

    expect(line.frames).toEqual([]);
    expect(line.ends).toEqual([
      { code: 1006, reason: `the server responded to the stream request with status ${status}`, retryMs },
    ]);
  });

  it("[C1] a failed request counts as a broken connection", async () => {
    const line = new Line();

    line.request.fail(new TypeError("fetch failed"));
    await settled();

    expect(line.ends).toMatchObject([{ code: 1006, reason: "TypeError: fetch failed" }]);
  });
});

describe("acts", () => {
  const batch = { text: "[…]", refs: [7, undefined, 8], authority: "session.key" };

  it("[H1 P2] acts are sent by POST, one request at a time", async () => {
    const line = await openLine();

    line.transport.send(batch);

    expect(line.transport.isBusy).toBe(true);
    expect(line.request.url).toBe("https://parlor.example/rooms/lobby/messages");
    expect(line.request.init).toMatchObject({
      method: "POST",
      body: "[…]",
      headers: { "Content-Type": "application/json", "Parlor-Session": "session.key" },
    });

    await line.answer(200, [
      { type: "ack", ref: 7, offset: 1 },
      { type: "ack" },
      { type: "ack", ref: 8, offset: 2 },
    ]);
    expect(line.transport.isBusy).toBe(false);
    expect(line.readied).toBe(1);
  });

  it("[H2 H3] each act of a POST has its own reply", async () => {
    const line = await openLine();
    line.transport.send(batch);

    await line.answer(200, [
      { type: "ack", ref: 7, offset: 1 },
      { type: "error", code: "rate_limited", message: "spent", retryAfterMs: 5 },
      { type: "error", code: "frame_too_large", message: "large" },
    ]);

    expect(line.frames).toEqual([
      { type: "ack", ref: 7, offset: 1 },
      { type: "error", code: "rate_limited", message: "spent", retryAfterMs: 5 },
      { type: "error", code: "frame_too_large", message: "large", ref: 8 },
    ]);
  });

  it("[H2] the status of a POST with one act is that act's reply", async () => {
    const line = await openLine();
    line.transport.send({ text: "{…}", refs: [7], authority: "session.key" });

    await line.answer(409, { type: "error", code: "not_joined", message: "no live connection" });

    expect(line.frames).toEqual([
      { type: "error", code: "not_joined", message: "no live connection", ref: 7 },
    ]);
  });

  it("[H1] a rejected POST rejects every act in it", async () => {
    const line = await openLine();
    line.transport.send({ text: "[…]", refs: [7, 8], authority: "session.key" });

    await line.answer(403, { type: "error", code: "bad_session", message: "not yours" });

    expect(line.frames).toMatchObject([
      { code: "bad_session", ref: 7 },
      { code: "bad_session", ref: 8 },
    ]);
  });

  it.each([
    ["by a proxy", 502, { "Retry-After": "3" }, { retryAfterMs: 3_000 }],
    ["with something other than a reply", 200, {}, {}],
  ])("[G3 A3] acts answered %s are repeated", async (_what, status, headers, expected) => {
    const line = await openLine();
    line.transport.send(batch);

    await line.answer(status, "<html>", headers as Record<string, string>);

    expect(line.frames).toMatchObject([
      { type: "error", code: "unavailable", ref: 7, ...expected },
      { type: "error", code: "unavailable", ref: 8, ...expected },
    ]);
    expect(line.transport.isBusy).toBe(false);
  });

  it("[G3 C1] a POST that fails ends the connection, because the stream is probably dead too", async () => {
    const line = await openLine();
    line.transport.send(batch);

    line.request.fail(new TypeError("fetch failed"));
    await settled();

    expect(line.ends).toMatchObject([{ code: 1006, reason: "TypeError: fetch failed" }]);
    expect(line.frames).toEqual([]);
    expect(line.requests[0]?.init.signal?.aborted).toBe(true);
  });

  it("[G3] a reply after the end of the connection is ignored", async () => {
    const line = await openLine();
    line.transport.send(batch);

    line.transport.close(false);
    await settled();

    expect(line.request.init.signal?.aborted).toBe(true);
    expect(line.frames).toEqual([]);
    expect(line.readied).toBe(0);
  });

  it("[A6 H1] leave is sent as an act with keepalive", async () => {
    const line = await openLine();

    const left = line.transport.leave("session.key");
    expect(line.request.init).toMatchObject({ method: "POST", body: '{"type":"leave"}', keepalive: true });
    await line.answer(200, { type: "ack" });

    expect(await left).toBeUndefined();
  });

  it.each([
    ["closes", (line: Line) => line.write('data: {"type":"close","code":4507,"reason":"left"}\n\n')],
    ["ends", (line: Line) => line.endStream()],
  ])("[A6 S5] a stream that the room %s does not abort the POST of the leave", async (_how, endBy) => {
    const line = await openLine();

    const left = line.transport.leave("session.key");
    await endBy(line);

    expect(line.ends).toHaveLength(1);
    expect(line.request.init.signal?.aborted).toBe(false);
    await line.answer(200, { type: "ack" });
    expect(await left).toBeUndefined();
  });

  it("[A6] leave resolves if the room cannot be reached", async () => {
    const line = await openLine();

    const left = line.transport.leave("session.key");
    line.transport.close(false);

    expect(await left).toBeUndefined();
  });
});
