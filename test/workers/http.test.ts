import { describe, expect, it } from "vitest";
import { request, roomPath, tablesOf, uniqueRoom } from "./support/rooms.ts";

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
  ])("[H4] %s %s is method_not_allowed", async (method, path) => {
    const response = await request(path, { method });

    expect(response.status).toBe(405);
    expect(await response.json()).toMatchObject({ type: "error", code: "method_not_allowed" });
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
  });

  it.each([
    "/",
    "/rooms",
    "/rooms/",
    "/rooms/a/",
    "/rooms/a/b",
    "/rooms/a/events/",
    "/rooms/a/state/",
    "/rooms/a/members/x",
    "/rooms//events",
    "/Rooms/a",
  ])("[H4] %s is not_found", async (path) => {
    const response = await request(path);

    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ type: "error", code: "not_found" });
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
  });

  it("[H4 N3] HEAD opens no stream and joins no one", async () => {
    const room = uniqueRoom();

    await request(roomPath(room, "/events"), { method: "HEAD" });

    expect(await tablesOf(room)).toEqual([]);
  });

  it("[H4] a preflight allows what a page needs to act, and a script may read Retry-After", async () => {
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
