import { afterEach, describe, expect, it, vi } from "vitest";
import { CONTRACT_VERSION, decodeRefusal } from "../../../src/protocol/contract.ts";
import { ERRORS, type ErrorCode } from "../../../src/protocol/errors.ts";
import { errorResponse } from "../../../src/transports/upstream.ts";
import { request, roomPath, roomStub, serve, uniqueRoom, type Serve } from "../support/rooms.ts";
import { serverWith } from "../support/servers.ts";
import { openEvents } from "../support/sse.ts";
import { join, joinWebSocket, upgrade } from "../support/websocket.ts";

/** Joins that no room lets in, and the close that each is to get. */
const REFUSED: readonly [
  code: ErrorCode,
  close: number,
  room: string,
  query: Readonly<Record<string, string>>,
][] = [
  ["bad_room", 4500, "a b", {}],
  ["bad_key", 4500, "a", { key: "x" }],
  ["bad_request", 4500, "a", { mode: "x" }],
  ["presence_too_large", 4500, "a", { presence: JSON.stringify("x".repeat(1_023)) }],
];

describe("joins over WebSocket", () => {
  it.each(REFUSED)(
    "[J8 E1 C1] %s: the socket opens, says why and is closed %i",
    async (code, close, room, query) => {
      const ana = await joinWebSocket(room, { query, protocols: ["parlor.v1"] });

      expect(await ana.closed).toMatchObject({ code: close });
      expect(ana.inbox.all).toEqual([
        {
          type: "error",
          code,
          message: expect.any(String),
          ...(code === "presence_too_large" && { limit: "maxPresenceBytes" }),
        },
      ]);
      expect(ana.protocol).toBe("parlor.v1");
    },
  );
});

describe("joins over SSE", () => {
  it.each(REFUSED)(
    "[S7 S6] %s: an EventSource reads the error and a close (%i) that keeps it away",
    async (code, close, room, query) => {
      const bob = await openEvents(room, { query });
      await bob.ended;

      expect(bob.response.status).toBe(200);
      expect(bob.response.headers.get("Content-Type")).toContain("text/event-stream");
      expect(bob.inbox.all).toMatchObject([
        { type: "error", code },
        { type: "close", code: close, reason: expect.any(String) },
      ]);
      expect(bob.stream.lastEventId).toBe("~closed");
      expect(bob.stream.events.map(({ event }) => event)).toEqual(["", ""]);
    },
  );

  it.each(REFUSED)(
    "[S7 E1] %s: any other client gets the status and the error as its body",
    async (code, _close, room, query) => {
      const path = roomPath(room, `/events?${new URLSearchParams(query).toString()}`);

      const plain = await request(path, { headers: { Accept: "*/*" } });

      expect(plain.status).toBe(ERRORS[code].http);
      expect(await plain.json()).toMatchObject({ type: "error", code, message: expect.any(String) });
    },
  );

  it("[S7] who reads events is known by the type among others", async () => {
    const headers = { Accept: "text/html, text/event-stream;q=0.9" };

    expect((await request(roomPath("a b", "/events"), { headers })).status).toBe(200);
  });
});

// During a deployment a request may reach the version before.
describe("a kind that this version of the server does not have", () => {
  it("[N2 J8 E1] an unknown kind closes a WebSocket with a code to reconnect, after the given time", async () => {
    const ana = await joinWebSocket("nope:a");

    expect(await ana.closed).toMatchObject({ code: 4007 });
    expect(ana.inbox.all).toMatchObject([{ code: "unknown_kind", retryAfterMs: 30_000 }]);
  });

  it("[N2 S7] an unknown kind sends an EventSource a retry time, and does not end it", async () => {
    const bob = await openEvents("nope:a");
    await bob.ended;

    expect(bob.inbox.all).toMatchObject([{ type: "error", code: "unknown_kind" }]);
    expect(bob.stream.retryMs).toBe(30_000);
    expect(bob.stream.lastEventId).not.toBe("~closed");
  });

  it("[N2 E1] an unknown kind is 404 with Retry-After for any other client", async () => {
    const answer = await request("/rooms/nope:a/state");

    expect(answer.status).toBe(404);
    expect(answer.headers.get("Retry-After")).toBe("30");
  });
});

// The platform does not overload or lose an object on demand.
describe("rooms that cannot be reached", () => {
  /** A Worker whose rooms fail as the platform says they do; counts the calls. */
  function failing(flags: { overloaded?: boolean; retryable?: boolean }): { to: Serve; calls: () => number } {
    const fail = vi.fn<() => Promise<never>>(() =>
      Promise.reject(Object.assign(new Error("no room"), flags)),
    );
    const stub = { fetch: fail, act: fail, info: fail, ready: fail };
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    return { to: serverWith({ ROOM: { getByName: () => stub } }), calls: () => fail.mock.calls.length };
  }

  it("[J8 G10] a WebSocket join gets a plain 503 with Retry-After", async () => {
    const response = await upgrade("a", { to: failing({ overloaded: true }).to });

    expect(response.status).toBe(503);
    expect(Number(response.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect(await response.json()).toMatchObject({
      type: "error",
      code: "unavailable",
      retryAfterMs: expect.any(Number),
    });
  });

  it("[S7 G10] an EventSource is told when to come back, and no close", async () => {
    const bob = await openEvents("a", { to: failing({ overloaded: true }).to });
    await bob.ended;

    expect(bob.stream.retryMs).toBeGreaterThan(0);
    expect(bob.inbox.all).toMatchObject([{ type: "error", code: "unavailable" }]);
    expect(bob.stream.lastEventId).not.toBe("~closed");
  });

  it.each(["/rooms/a", "/readyz"])("[E1 G10] %s is answered 503", async (path) => {
    const response = await request(path, {}, failing({ overloaded: true }).to);

    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: "unavailable", retryAfterMs: expect.any(Number) });
  });

  it.each([
    ["is overloaded", { overloaded: true, retryable: true }, 1],
    ["could not be reached", { retryable: true }, 3],
    ["failed for good", {}, 1],
  ])("[G10] a join to a room that %s is tried as often as that makes sense", async (_what, flags, tries) => {
    const { to, calls } = failing(flags);

    await upgrade("a", { to });

    expect(calls()).toBe(tries);
  });

  it("[G3 H1] an act by POST is never tried twice: without a ref it would happen twice", async () => {
    const ana = await join("once");
    const { to, calls } = failing({ retryable: true });

    const response = await request(
      "/rooms/once/messages",
      {
        method: "POST",
        headers: { "Parlor-Session": `${ana.session}.${ana.key}` },
        body: '{"type":"publish","event":"e"}',
      },
      to,
    );

    expect(response.status).toBe(503);
    expect(calls()).toBe(1);
  });

  it("[J8] a room that refuses with unavailable is a plain 503 with Retry-After as well", async () => {
    const newer = JSON.stringify({ v: CONTRACT_VERSION + 1 });
    const headers = { Upgrade: "websocket", "Parlor-Join": newer };

    const refusal = await roomStub(uniqueRoom()).fetch("https://room/", { headers });
    const answer = errorResponse(decodeRefusal(await refusal.text()));

    expect(answer.status).toBe(503);
    expect(answer.headers.get("Retry-After")).toMatch(/^\d+$/);
  });
});

// What cannot be foreseen, such as a binding that throws.
describe("errors of the server's own", () => {
  afterEach(() => vi.restoreAllMocks());

  function broken(): Serve {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    vi.spyOn(crypto.subtle, "digest").mockRejectedValue(new TypeError("a secret"));
    return serve;
  }

  it("[E1] are `internal`, and tell nothing of what went wrong", async () => {
    const response = await request("/rooms/a/events", {}, broken());
    const text = await response.text();

    expect(response.status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({
      type: "error",
      code: "internal",
      message: ERRORS.internal.text,
    });
    expect(text).not.toContain("secret");
  });

  it("[S7] an EventSource is told when to come back: a 500 would end it for ever", async () => {
    const bob = await openEvents("a", { to: broken() });
    await bob.ended;

    expect(bob.response.status).toBe(200);
    expect(bob.inbox.all).toMatchObject([{ type: "error", code: "internal" }]);
    expect(bob.stream.retryMs).toBeGreaterThan(0);
    expect(bob.stream.lastEventId).not.toBe("~closed");
  });

  it("[J8 C1] a WebSocket join opens, says why, and is closed with a code that says to come back", async () => {
    const ana = await joinWebSocket("a", { to: broken() });

    expect(await ana.closed).toMatchObject({ code: 4000 });
    expect(ana.inbox.all).toMatchObject([{ type: "error", code: "internal" }]);
  });
});
