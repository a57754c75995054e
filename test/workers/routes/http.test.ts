import { describe, expect, it } from "vitest";
import { request, roomPath, serve, tablesOf, uniqueRoom, type Serve } from "../support/rooms.ts";
import { serverWith } from "../support/servers.ts";

describe("HTTP", () => {
  it.each([
    ["POST", "/rooms/a"],
    ["PUT", "/rooms/a"],
    ["DELETE", "/rooms/a/messages"],
    ["GET", "/rooms/a/messages"],
    ["POST", "/rooms/a/events"],
    ["POST", "/rooms/a/history"],
    ["PUT", "/rooms/a/members"],
    ["POST", "/rooms/a/state"],
    ["POST", "/healthz"],
  ])(
    "[H4] a request with the wrong method is rejected with method_not_allowed: %s %s",
    async (method, path) => {
      const response = await request(path, { method });

      expect(response.status).toBe(405);
      expect(await response.json()).toMatchObject({ type: "error", code: "method_not_allowed" });
      expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
    },
  );

  it.each(["/", "/rooms", "/rooms/", "/rooms/a/b", "/rooms/a/members/x", "/rooms//events", "/Rooms/a"])(
    "[H4] a request to an unknown path is rejected with not_found: %s",
    async (path) => {
      const response = await request(path);

      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ type: "error", code: "not_found" });
      expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
    },
  );

  it.each([
    ["/rooms/ROOM/", 200],
    ["//rooms/ROOM", 200],
    ["/rooms/ROOM//", 200],
    ["/rooms/ROOM/history/", 200],
    ["/rooms/ROOM//history", 200],
    ["//rooms/ROOM//state//", 200],
    ["/healthz/", 200],
    ["/rooms/ROOM/messages/", 405],
    ["/rooms//history", 404],
  ])(
    "[H4] extra slashes in a path are ignored, except for an empty room name: %s has the status %i",
    async (path, status) => {
      expect((await request(path.replace("ROOM", uniqueRoom()))).status).toBe(status);
    },
  );

  it("[H4] a preflight allows the headers that a page's tracing agents add, and any other it asks for", async () => {
    const asked = "content-type,parlor-session,traceparent,tracestate,baggage,sentry-trace,x-anything";
    const headers = {
      Origin: "https://app.example",
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": asked,
    };
    const preflight = (to: Serve): Promise<Response> =>
      request(roomPath("a", "/messages"), { method: "OPTIONS", headers }, to);

    const allowed = await preflight(serve);
    const alsoAllowed = await preflight(serverWith({ ALLOWED_ORIGINS: "https://app.example" }));
    const notAllowed = await preflight(serverWith({ ALLOWED_ORIGINS: "https://other.example" }));

    for (const answer of [allowed, alsoAllowed]) {
      expect(answer.headers.get("Access-Control-Allow-Headers")?.replaceAll(" ", "")).toBe(asked);
      expect(answer.headers.get("Vary")).toContain("Access-Control-Request-Headers");
    }
    expect(notAllowed.headers.get("Access-Control-Allow-Origin")).toBeNull();
  });

  it("[J7 H5] a parameter without a value counts as absent", async () => {
    const room = uniqueRoom();

    const empty = "key=&token=&ticket=&after=&rewind=&mode=&presence=&roster=&state=&flow=&view=";
    const joined = await request(roomPath(room, `/events?${empty}`));
    const history = await request(roomPath(room, "/history?after=&before=&since=&until=&limit="));
    await joined.body?.cancel();

    expect(joined.headers.get("Content-Type")).toContain("text/event-stream");
    expect(history.status).toBe(200);
  });

  it("[H4 N3] a HEAD request opens no stream and joins no member", async () => {
    const room = uniqueRoom();

    await request(roomPath(room, "/events"), { method: "HEAD" });

    expect(await tablesOf(room)).toEqual([]);
  });

  it("[H4] a preflight allows what a page needs to send acts, and a script can read Retry-After", async () => {
    const preflight = await request(roomPath("a", "/messages"), {
      method: "OPTIONS",
      headers: {
        Origin: "https://example.com",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "parlor-session,content-type,idempotency-key",
      },
    });
    const answer = await request(roomPath("a"), { headers: { Origin: "https://example.com" } });

    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(preflight.headers.get("Access-Control-Allow-Methods")).toContain("POST");
    for (const name of ["parlor-session", "content-type", "idempotency-key"]) {
      expect(preflight.headers.get("Access-Control-Allow-Headers")?.toLowerCase()).toContain(name);
    }
    expect(answer.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(answer.headers.get("Access-Control-Expose-Headers")).toContain("Retry-After");
  });
});
