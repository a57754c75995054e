import { listDurableObjectIds } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { evict, infoOf, request, roomPath, roomStub, serve, tablesOf, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { join, joinWebSocket } from "../support/websocket.ts";

afterEach(() => vi.useRealTimers());

/** Whether an object has ever run under this name. */
async function exists(name: string): Promise<boolean> {
  const id = env.ROOM.idFromName(name).toString();
  return (await listDurableObjectIds(env.ROOM)).some((other) => other.toString() === id);
}

describe("names", () => {
  it.each([
    ["one character", "a"],
    ["128 characters", "a".repeat(128)],
    ["every allowed character", "AZaz09_.~-"],
    ["three dots", "..."],
    ["a kind and more colons", "chat:a:b:"],
  ])("[N1] a valid room name can have %s", async (_what, name) => {
    const response = await request(`/rooms/${name}`);

    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ room: name });
  });

  it.each([
    ["129 characters", "a".repeat(129)],
    ["a space", "a%20b"],
    ["an encoded slash", "a%2Fb"],
    ["a slash encoded twice", "a%252Fb"],
    ["a letter encoded twice", "%2561"],
    ["a letter beyond ASCII", "%C3%BC"],
    ["an emoji", "😀"],
    ["bytes that are not UTF-8", "%FF%FE"],
    ["half of an escape", "a%6"],
    ["an invalid escape", "a%zz"],
    ["an encoded NUL", "a%00"],
    ["an encoded newline", "a%0A"],
    ["an encoded question mark", "a%3Fb"],
    ["a plus", "a+b"],
    ["a parent directory behind an encoded slash", "..%2Flobby"],
    ["a semicolon", "a;b"],
  ])("[N1] a room name with %s is rejected with bad_room", async (_what, segment) => {
    for (const path of [`/rooms/${segment}`, `/rooms/${segment}/events`]) {
      const response = await request(path);

      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ type: "error", code: "bad_room" });
    }
  });

  // The URL parser removes these from a path, and the result must not be a room.
  it.each([".", "..", "%2e", "%2E%2e", "./.."])(
    "[N1] the path segment %s does not name a room",
    async (segment) => {
      const response = await request(`/rooms/${segment}`);

      expect([400, 404]).toContain(response.status);
    },
  );

  it("[N1] a room name is percent-decoded once", async () => {
    const room = uniqueRoom();
    const escaped = Array.from(room, (char) => `%${char.charCodeAt(0).toString(16)}`).join("");
    const ana = await join(room);

    const response = await request(`/rooms/${escaped}`);

    expect(await response.json()).toMatchObject({
      room,
      kind: "default",
      members: 1,
      position: ana.position,
    });
  });

  it("[N1] room names are case-sensitive", async () => {
    const room = uniqueRoom();
    await join(room.toUpperCase());

    expect(await infoOf(room)).toMatchObject({ members: 0 });
    expect(await infoOf(room.toUpperCase())).toMatchObject({ members: 1 });
  });

  it("[N1] a room can have a name that an object literal inherits", async () => {
    for (const room of ["__proto__", "constructor", "toString"]) {
      expect(await (await request(`/rooms/${room}`)).json()).toMatchObject({ room, kind: "default" });
    }
  });
});

describe("kinds", () => {
  it.each([
    ["no colon", "plain", "default"],
    ["the kind default", "default:x", "default"],
    ["another kind", "game:x", "game"],
    ["nothing after the colon", "game:", "game"],
    ["more colons", "chat:game:x", "chat"],
    ["an encoded colon", "chat%3Ax", "chat"],
  ])(
    "[N2] the kind of a room is the part of its name before the first colon: a name with %s",
    async (_what, name, kind) => {
      expect(await (await request(`/rooms/${name}`)).json()).toMatchObject({ kind });
    },
  );

  it.each(["nope:x", ":x", "Game:x", "constructor:x", "__proto__:x", "::"])(
    "[N2 G12] a room name of an unknown kind is rejected, and no object is created for it: %s",
    async (name) => {
      const response = await request(`/rooms/${name}`);
      const refused = await joinWebSocket(name);
      await request(`/rooms/${name}/events`);

      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ type: "error", code: "unknown_kind" });
      expect(await refused.inbox.take("error")).toMatchObject({ code: "unknown_kind" });
      expect(await exists(name)).toBe(false);
    },
  );
});

describe("the summary of a room", () => {
  it("[N3] an unused room is read as empty, and the read creates no tables", async () => {
    const room = uniqueRoom();

    expect(await (await request(roomPath(room))).json()).toEqual({
      room,
      kind: "default",
      members: 0,
      position: null,
      awakeSince: expect.any(Number),
    });
    expect(await tablesOf(room)).toEqual([]);
  });

  it("[N3] the summary of a room has the number of members and the position at the end of its log", async () => {
    const room = uniqueRoom("game");
    const ana = await join(room);
    const bob = await joinSse(room);
    await ana.publish("chat", "hi");

    const { epoch } = /^(?<epoch>.+):1$/.exec(ana.position)?.groups ?? {};

    expect(await (await request(roomPath(room))).json()).toEqual({
      room,
      kind: "game",
      members: 2,
      position: `${epoch}:1`,
      awakeSince: expect.any(Number),
    });
    expect(bob.member).not.toBe(ana.member);
  });

  it("[N3 G11] awakeSince is the time when the room woke, and does not change until it sleeps", async () => {
    const room = uniqueRoom();
    const before = Date.now();
    await join(room);

    const first = await infoOf(room);
    await (await join(room)).publish("chat", "hi");
    const second = await infoOf(room);
    await evict(room);
    vi.setSystemTime(Date.now() + 60_000);
    const woken = await infoOf(room);

    expect(first.awakeSince).toBeGreaterThanOrEqual(before);
    expect(second.awakeSince).toBe(first.awakeSince);
    expect(woken.awakeSince).toBeGreaterThanOrEqual(first.awakeSince + 60_000);
  });

  it("[N3] an empty room keeps its position", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    await ana.publish("chat", "hi");
    ana.close(1000);
    await ana.closed;

    expect(await infoOf(room)).toMatchObject({ members: 0, position: ana.position });
  });

  it("[N3 G12] rejected requests, and acts of sessions that never joined, create no tables", async () => {
    const room = uniqueRoom();
    await (
      await joinWebSocket(room, { query: { key: "short" } })
    ).closed;
    await (
      await joinWebSocket(room, { query: { mode: "nope" } })
    ).closed;
    await (
      await joinWebSocket(room, { protocols: ["other"] })
    ).closed;
    await request(roomPath(room, "/events?rewind=x"));
    await request(roomPath(room, "/messages"), { method: "POST", body: '{"type":"publish","event":"x"}' });
    await roomStub(room).act({
      v: 1,
      session: "s",
      member: "m",
      user: "",
      body: '{"type":"publish","event":"x"}',
    });

    expect(await tablesOf(room)).toEqual([]);
  });

  it("[H4] the health and readiness checks respond with 200", async () => {
    expect(await (await serve(new Request("https://x/healthz"))).json()).toEqual({
      status: "ok",
      protocol: 1,
    });
    expect(await (await serve(new Request("https://x/readyz"))).json()).toEqual({ status: "ready" });
  });
});
