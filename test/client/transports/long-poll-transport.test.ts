import { describe, expect, it } from "vitest";
import { longPollTransport } from "../../../src/client/transports/long-poll-transport.ts";
import type { Target, Transport } from "../../../src/client/transports/transport.ts";
import { FakeWorld, settled } from "../support/fake-world.ts";
import { RecordingListener, TARGET } from "../support/transports.ts";

interface Asked {
  readonly url: URL;
  readonly init: RequestInit;
  readonly respond: (body: unknown, init?: ResponseInit) => Promise<void>;
  readonly fail: (error: unknown) => Promise<void>;
}

const WELCOME = { type: "welcome", roster: "r1", position: "e:4" };
const position = (text: string): object => ({ type: "position", position: text, reason: "polled" });

/** A transport whose `fetch` responds when the test does, without a body that can be read as a stream. */
function open(target: Partial<Target> = {}): {
  readonly requests: Asked[];
  readonly last: () => Asked;
  readonly listener: RecordingListener & { ready: number };
  readonly transport: Transport;
  readonly world: FakeWorld;
} {
  const requests: Asked[] = [];
  const world = new FakeWorld();
  const fetch_ = ((url: string, init: RequestInit = {}) =>
    new Promise((resolve, reject) => {
      init.signal?.addEventListener("abort", () => reject(new Error("aborted")));
      requests.push({
        url: new URL(url),
        init,
        respond: async (body, { status = 200, headers } = {}) => {
          const text = typeof body === "string" ? body : JSON.stringify(body);
          resolve({ status, ok: status < 300, headers: new Headers(headers), text: async () => text });
          await settled();
        },
        fail: async (error) => {
          reject(error as Error);
          await settled();
        },
      });
    })) as unknown as typeof fetch;
  const listener = Object.assign(new RecordingListener(), { ready: 0 });
  listener.onReady = () => void listener.ready++;
  const transport = longPollTransport({ ...TARGET, ...target }, listener, fetch_, world);
  const last = (): Asked => {
    const asked = requests.at(-1);
    if (asked === undefined) throw new Error("nothing was fetched");
    return asked;
  };
  return { requests, last, listener, transport, world };
}

describe("the polls of a client", () => {
  it("[Q1 Q5] the first poll is the join of its target, and the next one continues from the response", async () => {
    const { requests, last, listener } = open({
      ...{ after: "e:1", roster: "r0", presence: "1", state: true, rewind: 3, mode: "count" },
    });
    expect(last().url.href).toBe(
      "https://parlor.example/rooms/lobby/poll?try=7&mode=count&after=e%3A1&presence=1&roster=r0&state=1&key=keykeykeykeykeykeykey1&wait=25",
    );
    expect(last().init).toMatchObject({ cache: "no-store" });

    await last().respond([WELCOME, { type: "message", offset: 5 }, position("e:5")]);

    expect(listener.frames).toEqual([WELCOME, { type: "message", offset: 5 }, position("e:5")]);
    expect(requests).toHaveLength(2);
    expect(last().url.search).toBe(
      "?try=7&mode=count&after=e%3A5&roster=r1&key=keykeykeykeykeykeykey1&wait=25",
    );
  });

  it("[Q5 M5] a poll names the roster of the last presence frame", async () => {
    const { last } = open();
    await last().respond([WELCOME, position("e:4")]);
    await last().respond([
      { type: "presence", roster: "r2", count: 1 },
      { type: "presence", roster: "r3", count: 1 },
      position("e:4"),
    ]);
    await last().respond([{ type: "message", offset: 5 }, position("e:5")]);

    expect(last().url.searchParams.get("roster")).toBe("r3");
    expect(last().url.searchParams.get("after")).toBe("e:5");
  });

  it("a client waits a second if a response without news arrives at once, so that a cache causes no flood", async () => {
    const { last, requests, world } = open();
    await last().respond([WELCOME, position("e:4")]);
    await last().respond([position("e:4")]);
    expect(requests).toHaveLength(2);

    await world.pass(1_000);
    expect(requests).toHaveLength(3);
  });

  it("a client polls again at once after a response without news at the end of the wait", async () => {
    const { last, requests, world } = open();
    await last().respond([WELCOME, position("e:4")]);
    await world.pass(25_000);
    await last().respond([position("e:4")]);

    expect(requests).toHaveLength(3);
  });

  it("[Q4] a close in a response ends the connection after the frames", async () => {
    const { last, listener, requests } = open();
    const close = { type: "close", code: 4504, reason: "replaced" };
    await last().respond([WELCOME, close, position("e:4")]);

    expect(listener.frames).toHaveLength(3);
    expect(listener.ends).toMatchObject([{ code: 4504, reason: "replaced" }]);
    expect(requests).toHaveLength(1);
  });

  it.each([
    [403, { type: "error", code: "forbidden", message: "no" }, 4500],
    [503, { type: "error", code: "room_busy", message: "busy", retryAfterMs: 700 }, 4005],
  ])("[J8] a first poll that is rejected with %d reports the error and ends", async (status, error, code) => {
    const { last, listener } = open();
    await last().respond(error, { status });

    expect(listener.frames).toEqual([error]);
    expect(listener.ends).toMatchObject([{ code, reason: error.message }]);
  });

  it("a later poll that is rejected ends the connection with the delay that the server requests", async () => {
    const { last, listener } = open();
    await last().respond([WELCOME, position("e:4")]);
    await last().respond(
      { type: "error", code: "unavailable", message: "restarted", retryAfterMs: 700 },
      { status: 503 },
    );

    expect(listener.frames).toHaveLength(2);
    expect(listener.ends).toMatchObject([{ code: 4005, retryMs: 700 }]);
  });

  it.each([
    ["a page of a proxy", "<html>", 200],
    ["an answer without a position", [WELCOME], 200],
    ["a status without an error", "no", 502],
  ])("%s ends the connection as a broken one", async (_what, body, status) => {
    const { last, listener } = open();
    await last().respond(body, { status });

    expect(listener.ends).toMatchObject([{ code: 1006 }]);
  });

  it("a poll without a response is aborted after 45 seconds", async () => {
    const { last, listener, world } = open();
    await world.pass(45_000);

    expect(last().init.signal?.aborted).toBe(true);
    expect(listener.ends).toMatchObject([{ code: 1006 }]);
  });

  it("a poll that fails ends the connection", async () => {
    const { last, listener } = open();
    await last().fail(new TypeError("the network"));

    expect(listener.ends).toMatchObject([{ code: 1006, reason: "TypeError: the network" }]);
  });

  it("a transport that is closed aborts its poll and reports nothing more", async () => {
    const { last, listener, transport } = open();
    transport.close(false);
    await settled();

    expect(last().init.signal?.aborted).toBe(true);
    expect([...listener.ends, ...listener.frames]).toEqual([]);
  });
});

describe("the acts of a client that polls", () => {
  it("[H1 H3] acts are sent by POST, and their replies arrive as frames", async () => {
    const { last, listener, transport } = open({ token: "t" });
    await last().respond([WELCOME, position("e:4")]);
    transport.send({ text: '[{"type":"publish","ref":1}]', refs: [1], authority: "s.k.7" });
    const { url, init } = last();
    expect(url.pathname).toBe("/rooms/lobby/messages");
    expect(init).toMatchObject({
      method: "POST",
      headers: { Authorization: "Bearer t", "Parlor-Session": "s.k.7" },
    });
    expect(transport.isBusy).toBe(true);

    await last().respond([{ type: "ack", offset: 5 }]);

    expect(listener.frames.at(-1)).toEqual({ type: "ack", ref: 1, offset: 5 });
    expect([transport.isBusy, listener.ready]).toEqual([false, 1]);
  });

  it("a POST that fails ends the connection, whose client repeats the acts", async () => {
    const { last, listener, transport } = open();
    await last().respond([WELCOME, position("e:4")]);
    const waiting = last();
    transport.send({ text: "{}", refs: [1], authority: "s.k.7" });
    await last().fail(new TypeError("the network"));

    expect(listener.ends).toMatchObject([{ code: 1006 }]);
    expect(waiting.init.signal?.aborted).toBe(true);
  });

  it("[D8] a new token is sent by POST, and the next poll carries it", async () => {
    const { requests, listener, transport, last } = open({ token: "old" });
    await last().respond([WELCOME, position("e:4")]);
    const waiting = last();
    transport.renew("new", "s.k.7");
    expect(last().init.body).toBe('{"type":"auth","token":"new"}');
    await last().respond({ type: "ack", expiresInMs: 60_000 });
    await waiting.respond([{ type: "message", offset: 5 }, position("e:5")]);

    expect(listener.frames).toContainEqual({ type: "ack", expiresInMs: 60_000 });
    expect(requests.at(-1)?.init.headers).toEqual({ Authorization: "Bearer new" });
  });

  it("a leave is sent by POST, which outlives the page", async () => {
    const { last, transport } = open();
    await last().respond([WELCOME, position("e:4")]);
    const left = transport.leave("s.k.7");
    expect(last().init).toMatchObject({ method: "POST", keepalive: true, body: '{"type":"leave"}' });
    await last().respond({ type: "ack" });
    await left;
  });

  it("[A6 Q4] the poll that the room closes does not abort the POST of the leave", async () => {
    const { requests, last, transport } = open();
    await last().respond([WELCOME, position("e:4")]);
    const left = transport.leave("s.k.7");
    const [, poll, leave] = requests;
    await poll?.respond([{ type: "close", code: 4507, reason: "left" }, position("e:4")]);

    expect(leave?.init.signal?.aborted).toBe(false);
    await leave?.respond({ type: "ack" });
    await left;
  });

  it("[A6] closing the transport aborts the POST of a leave without a response", async () => {
    const { requests, last, transport } = open();
    await last().respond([WELCOME, position("e:4")]);
    const left = transport.leave("s.k.7");
    const [, poll, leave] = requests;
    await poll?.respond([{ type: "close", code: 4507, reason: "left" }, position("e:4")]);
    transport.close(true);
    await left;

    expect(leave?.init.signal?.aborted).toBe(true);
  });
});
