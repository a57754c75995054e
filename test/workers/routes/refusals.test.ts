import { afterEach, describe, expect, it, vi } from "vitest";
import { CONTRACT_VERSION, decodeRefusal } from "../../../src/protocol/contract.ts";
import { ERRORS, type ErrorCode } from "../../../src/protocol/errors.ts";
import { errorResponse } from "../../../src/transports/upstream.ts";
import { request, roomPath, roomStub, serve, uniqueRoom, type Serve } from "../support/rooms.ts";
import { serverWith } from "../support/servers.ts";
import { openEvents } from "../support/sse.ts";
import { join, joinWebSocket, upgrade } from "../support/websocket.ts";

/** Joins that are rejected in every room, and the close code that each must receive. */
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
    "[J8 E1 C1] a WebSocket join that is rejected with %s receives the error and the close code %i",
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
    "[S7 S6] an EventSource that is rejected with %s receives the error and the close code %i, and must not retry",
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
    "[S7 E1] any other client that is rejected with %s receives the status, and the error as body",
    async (code, _close, room, query) => {
      const path = roomPath(room, `/events?${new URLSearchParams(query).toString()}`);

      const plain = await request(path, { headers: { Accept: "*/*" } });

      expect(plain.status).toBe(ERRORS[code].http);
      expect(await plain.json()).toMatchObject({ type: "error", code, message: expect.any(String) });
    },
  );

  it("[S7] a request is treated as an EventSource if text/event-stream is among the types of its Accept header", async () => {
    const headers = { Accept: "text/html, text/event-stream;q=0.9" };

    expect((await request(roomPath("a b", "/events"), { headers })).status).toBe(200);
  });
});

// During a deployment a request may reach the previous version.
describe("an unknown kind", () => {
  it("[N2 J8 E1] a WebSocket join to an unknown kind receives a close code that allows to reconnect, and a retry time", async () => {
    const ana = await joinWebSocket("nope:a");

    expect(await ana.closed).toMatchObject({ code: 4007 });
    expect(ana.inbox.all).toMatchObject([{ code: "unknown_kind", retryAfterMs: 30_000 }]);
  });

  it("[N2 S7] an EventSource at an unknown kind receives a retry time, and is not ended", async () => {
    const bob = await openEvents("nope:a");
    await bob.ended;

    expect(bob.inbox.all).toMatchObject([{ type: "error", code: "unknown_kind" }]);
    expect(bob.stream.retryMs).toBe(30_000);
    expect(bob.stream.lastEventId).not.toBe("~closed");
  });

  it("[N2 E1] any other client that names an unknown kind receives 404 with Retry-After", async () => {
    const answer = await request("/rooms/nope:a/state");

    expect(answer.status).toBe(404);
    expect(answer.headers.get("Retry-After")).toBe("30");
  });
});

// A test cannot make the platform overload or lose an object.
describe("unreachable rooms", () => {
  /** A Worker whose rooms fail as the platform documents. Counts the calls. */
  function failing(flags: { overloaded?: boolean; retryable?: boolean }): { to: Serve; calls: () => number } {
    const fail = vi.fn<() => Promise<never>>(() =>
      Promise.reject(Object.assign(new Error("no room"), flags)),
    );
    const stub = { fetch: fail, act: fail, info: fail, ready: fail };
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    return { to: serverWith({ ROOM: { getByName: () => stub } }), calls: () => fail.mock.calls.length };
  }

  it("[J8 G10] a WebSocket join to an unreachable room receives a plain 503 with Retry-After", async () => {
    const response = await upgrade("a", { to: failing({ overloaded: true }).to });

    expect(response.status).toBe(503);
    expect(Number(response.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect(await response.json()).toMatchObject({
      type: "error",
      code: "unavailable",
      retryAfterMs: expect.any(Number),
    });
  });

  it("[S7 G10] an EventSource at an unreachable room receives a retry time and no close", async () => {
    const bob = await openEvents("a", { to: failing({ overloaded: true }).to });
    await bob.ended;

    expect(bob.stream.retryMs).toBeGreaterThan(0);
    expect(bob.inbox.all).toMatchObject([{ type: "error", code: "unavailable" }]);
    expect(bob.stream.lastEventId).not.toBe("~closed");
  });

  it.each(["/rooms/a", "/readyz"])(
    "[E1 G10] a request that needs an unreachable room receives 503: %s",
    async (path) => {
      const response = await request(path, {}, failing({ overloaded: true }).to);

      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ code: "unavailable", retryAfterMs: expect.any(Number) });
    },
  );

  it.each([
    ["is overloaded", { overloaded: true, retryable: true }, 1],
    ["could not be reached", { retryable: true }, 3],
    ["failed for good", {}, 1],
  ])("[G10] a join to a room that %s is tried as often as that makes sense", async (_what, flags, tries) => {
    const { to, calls } = failing(flags);

    await upgrade("a", { to });

    expect(calls()).toBe(tries);
  });

  it("[G3 H1] the Worker never retries an act by POST, because without a ref it could take effect twice", async () => {
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

  it("[J8] a WebSocket join that the room rejects as unavailable receives a plain 503 with Retry-After", async () => {
    const newer = JSON.stringify({ v: CONTRACT_VERSION + 1 });
    const headers = { Upgrade: "websocket", "Parlor-Join": newer };

    const refusal = await roomStub(uniqueRoom()).fetch("https://room/", { headers });
    const answer = errorResponse(decodeRefusal(await refusal.text()));

    expect(answer.status).toBe(503);
    expect(answer.headers.get("Retry-After")).toMatch(/^\d+$/);
  });
});

// Unexpected errors, such as a binding that throws.
describe("unexpected errors", () => {
  afterEach(() => vi.restoreAllMocks());

  function broken(): Serve {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    vi.spyOn(crypto.subtle, "digest").mockRejectedValue(new TypeError("a secret"));
    return serve;
  }

  it("[E1] an unexpected error is reported as `internal`, without its cause", async () => {
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

  it("[S7] an EventSource receives a retry time after an unexpected error, because a 500 would end it", async () => {
    const bob = await openEvents("a", { to: broken() });
    await bob.ended;

    expect(bob.response.status).toBe(200);
    expect(bob.inbox.all).toMatchObject([{ type: "error", code: "internal" }]);
    expect(bob.stream.retryMs).toBeGreaterThan(0);
    expect(bob.stream.lastEventId).not.toBe("~closed");
  });

  it("[J8 C1] a WebSocket join receives the error and a close code that allows to reconnect after an unexpected error", async () => {
    const ana = await joinWebSocket("a", { to: broken() });

    expect(await ana.closed).toMatchObject({ code: 4000 });
    expect(ana.inbox.all).toMatchObject([{ type: "error", code: "internal" }]);
  });
});
