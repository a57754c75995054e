import { describe, expect, it } from "vitest";
import { randomKey } from "../../../src/protocol/ids.ts";
import { request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { serverWith } from "../support/servers.ts";
import { bearer, token } from "../support/tokens.ts";

const ADDRESS = "192.0.2.1";

const UPGRADE = { Upgrade: "websocket", Connection: "Upgrade" };

/** Requests that the Worker rejects or responds to without a room, and the limit that each counts against. */
const REQUESTS: [what: string, path: string, init: RequestInit, limit?: "JOINS_PER_ADDRESS"][] = [
  ["a range that is not valid", "/rooms/x/history?limit=x", {}],
  ["a page of members that is not valid", "/rooms/x/members?after=!", {}],
  ["a name that is not valid", "/rooms/%2F/members", {}],
  ["a name with an invalid escape", "/rooms/%zz", {}],
  ["an unknown kind", "/rooms/nowhere:x", {}],
  ["a wrong method", "/rooms/x/history", { method: "DELETE" }],
  ["a POST to a room", "/rooms/x", { method: "POST" }],
  ["a HEAD of a room", "/rooms/x", { method: "HEAD" }],
  ["an unknown path", "/nothing/here", {}],
  ["an unknown path below a room", "/rooms/x/nothing", {}],
  ["no room at all", "/rooms/", {}],
  ["a URL that is too long", `/rooms/x/state?${"x".repeat(40_000)}`, {}],
  ["an act without a session", "/rooms/x/messages", { method: "POST", body: "{}" }],
  ["an act of an unknown session", "/rooms/x/messages", act("A".repeat(22), "{}")],
  ["a body that is too large", "/rooms/x/messages", act("A".repeat(22), "x".repeat(100_000))],
  ["a ticket without a token", "/rooms/x/ticket", { method: "POST" }],
  ["a token that is not valid", "/rooms/x/state", { headers: bearer("nonsense") }],
  ["an origin that is not allowed", "/rooms/x/state", { headers: { Origin: "https://elsewhere.test" } }],
  ["a health check", "/healthz", {}],
  ["a readiness check", "/readyz", {}],
  ["administration without a key", "/admin/revocations", { method: "POST", body: "{}" }],
  ["an unknown path of administration", "/admin/nothing", {}],
  ["an upgrade for an unknown kind", "/rooms/nowhere:x", { headers: UPGRADE }, "JOINS_PER_ADDRESS"],
  [
    "an upgrade for an unknown version",
    "/rooms/x",
    { headers: { ...UPGRADE, "Sec-WebSocket-Protocol": "v9" } },
    "JOINS_PER_ADDRESS",
  ],
  ["an upgrade outside of rooms", "/healthz", { headers: UPGRADE }, "JOINS_PER_ADDRESS"],
  ["a HEAD of a stream", "/rooms/x/events", { method: "HEAD" }, "JOINS_PER_ADDRESS"],
  ["a POST to a stream", "/rooms/x/events", { method: "POST" }, "JOINS_PER_ADDRESS"],
  ["a stream for an unknown kind", "/rooms/nowhere:x/events", {}, "JOINS_PER_ADDRESS"],
  ["a bad key", "/rooms/x/events?key=x", {}, "JOINS_PER_ADDRESS"],
  [
    "a stream that was closed for good",
    "/rooms/x/events",
    { headers: { "Last-Event-ID": "~closed" } },
    "JOINS_PER_ADDRESS",
  ],
];

function act(session: string, body: string): RequestInit {
  return { method: "POST", body, headers: { "Parlor-Session": `${session}.${randomKey()}` } };
}

/** A server whose limits record the source of each request. */
function counting(isWithin: boolean) {
  const counted: string[] = [];
  const limit = (name: string) => ({
    limit: ({ key }: { readonly key: string }) => {
      counted.push(`${name} ${key}`);
      return Promise.resolve({ success: isWithin });
    },
  });
  const to = serverWith({
    REQUESTS_PER_ADDRESS: limit("REQUESTS_PER_ADDRESS"),
    JOINS_PER_ADDRESS: limit("JOINS_PER_ADDRESS"),
    ALLOWED_ORIGINS: "https://parlor.test",
  });
  return { to, counted };
}

function withAddress(init: RequestInit): RequestInit {
  return { ...init, headers: { ...(init.headers as Record<string, string>), "CF-Connecting-IP": ADDRESS } };
}

describe("rejected requests", () => {
  it.each(REQUESTS)(
    "[L3] a rejected request counts for its address: %s",
    async (_what, path, init, limit?: string) => {
      const { to, counted } = counting(true);

      await request(path, withAddress(init), to);

      expect(counted).toEqual([`${limit ?? "REQUESTS_PER_ADDRESS"} ${ADDRESS}`]);
    },
  );

  it.each(REQUESTS)(
    "[L3 G10] a request over the limit is rejected before anything else of it is read: %s",
    async (_what, path, init) => {
      const { to } = counting(false);

      const response = await request(path, withAddress(init), to);

      expect(response.status).toBe(429);
      expect(response.headers.get("Retry-After")).toBe("10");
    },
  );
});

describe("the source of a request", () => {
  it("[L3] a request with a valid token counts for its user, whatever its outcome", async () => {
    const { to, counted } = counting(true);
    const headers = bearer(await token({ user: "ana", rooms: { "*": ["join"] } }));
    const room = uniqueRoom();

    await request(roomPath(room, "/history?limit=x"), { headers }, to);
    await request(roomPath(room, "/members"), { headers }, to);
    await request(roomPath(room, "/messages"), { method: "POST", headers, body: "{" }, to);

    expect(counted).toEqual(Array(3).fill("REQUESTS_PER_ADDRESS @ana"));
  });

  it("[L3 H4] a preflight does not count, and is accepted over every limit", async () => {
    const { to, counted } = counting(false);
    const headers = { Origin: "https://parlor.test", "Access-Control-Request-Method": "POST" };

    const response = await request("/rooms/x/messages", { method: "OPTIONS", headers }, to);

    expect(response.status).toBe(204);
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("https://parlor.test");
    expect(counted).toEqual([]);
  });

  it("[L3 H4] a page can read the error of a request over the limit", async () => {
    const { to } = counting(false);

    const response = await request("/rooms/x", { headers: { Origin: "https://parlor.test" } }, to);

    expect(response.status).toBe(429);
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("https://parlor.test");
  });
});
