import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { joinRoom, type JoinOptions, type Room, type RoomEvents } from "../../../src/client/index.ts";
import { createFakeServer, type FakeServer } from "../../../src/testing/index.ts";

const TRANSPORTS = ["websocket", "sse"] as const;

let server: FakeServer;
let rooms: Room[];

beforeEach(() => {
  server = createFakeServer();
  rooms = [];
});

afterEach(() => {
  for (const room of rooms) room.close();
  vi.useRealTimers();
});

function join(options: JoinOptions = {}, name = "lobby"): Room {
  const room = joinRoom(`https://parlor.test/rooms/${name}`, { ...server.joinOptions(), ...options });
  rooms.push(room);
  return room;
}

/** The next event of a type. */
function next<Type extends keyof RoomEvents>(room: Room, type: Type): Promise<RoomEvents[Type]> {
  return new Promise((resolve) => {
    const stop = room.on(type, (event) => {
      stop();
      resolve(event);
    });
  });
}

async function welcomed(options: JoinOptions = {}): Promise<Room> {
  const room = join(options);
  await next(room, "welcome");
  return room;
}

describe("the fake server", () => {
  it.each(TRANSPORTS)(
    "a dropped client reconnects over %s, as the same member, and resumes",
    async (transport) => {
      const ana = await welcomed({ transports: [transport] });
      const { self } = ana;
      const messages: unknown[] = [];
      ana.on("message", ({ data }) => messages.push(data));
      await ana.publish("chat", 1);

      server.drop();
      server.room("lobby").publish("chat", 2);
      const { recovered } = await next(ana, "welcome");
      await ana.publish("chat", 3);

      expect(recovered).toBe(true);
      expect(ana.self).toBe(self);
      await vi.waitFor(() => expect(messages).toEqual([1, 2, 3]));
      expect(server.room("lobby").members).toEqual([{ id: self }]);
    },
  );

  it("a client that is dropped again and again stays in the room", async () => {
    const ana = await welcomed();
    const closed = next(ana, "closed");
    for (let drops = 0; drops < 7; drops++) {
      const rejoined = next(ana, "welcome");
      server.drop();
      await Promise.race([rejoined, closed]);
    }

    expect(ana.connection).toMatchObject({ state: "open" });
  });

  it("a fake server drops only the connection of the given member", async () => {
    const [ana, ben] = [await welcomed(), await welcomed()];

    server.drop(ben.self);
    expect(server.room("lobby").connections).toBe(1);
    await next(ben, "welcome");

    expect(server.room("lobby").connections).toBe(2);
    expect(ana.count).toBe(2);
  });

  it("a fake server refuses the next join for a time, and accepts the one after it", async () => {
    vi.useFakeTimers();
    server.refuse({ code: "room_full", retryAfterMs: 5_000 });
    const ana = join();

    await vi.advanceTimersByTimeAsync(4_999);
    expect(ana.self).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1_001);

    expect(ana.self).toBeDefined();
  });

  it.each(TRANSPORTS)(
    "a fake server refuses a join for good over %s, and the room is closed",
    async (transport) => {
      server.refuse({ code: "refused", message: "not today" });
      const ana = join({ transports: [transport] });

      expect((await next(ana, "closed")).error).toMatchObject({ code: "refused", message: "not today" });
    },
  );

  it("[J8] an overloaded server fails a WebSocket without an error that a page can read", async () => {
    const socket = new server.WebSocket("wss://parlor.test/rooms/lobby", ["parlor.v1"]);
    server.refuse({ code: "unavailable" });
    const codes: number[] = [];
    socket.addEventListener("close", ({ code }) => codes.push(code));

    await vi.waitFor(() => expect(codes).toEqual([1006]));
  });

  it("a fake server rejects as many acts as requested, each without an effect", async () => {
    const ana = await welcomed();
    server.reject({ code: "refused" }, 2);

    await expect(ana.publish("chat", 1)).rejects.toMatchObject({ code: "refused" });
    await expect(ana.setPresence("here")).rejects.toMatchObject({ code: "refused" });
    await expect(ana.publish("chat", 2)).resolves.toEqual({ offset: 1 });
    expect(server.room("lobby").log).toMatchObject([{ data: 2 }]);
  });

  it("an act that is rejected for a time is sent again by the client", async () => {
    vi.useFakeTimers();
    const ana = join();
    await vi.advanceTimersByTimeAsync(0);
    server.reject({ code: "rate_limited", retryAfterMs: 3_000 });
    const published = ana.publish("chat", 1);

    await vi.advanceTimersByTimeAsync(2_999);
    expect(server.room("lobby").log).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_000);

    expect(await published).toEqual({ offset: 1 });
  });

  it("clients reconnect after a restart, and are recovered", async () => {
    const ana = await welcomed();
    await ana.publish("chat", 1);

    server.restart();

    expect(await next(ana, "welcome")).toMatchObject({ recovered: true });
    expect(server.room("lobby").log).toHaveLength(1);
  });

  it("clients are not recovered after a restart that loses the history", async () => {
    const ana = await welcomed();
    await ana.publish("chat", 1);

    server.restart({ history: "lost" });

    expect(await next(ana, "welcome")).toMatchObject({ recovered: false, reason: "epoch" });
    expect(await ana.publish("chat", 2)).toEqual({ offset: 1 });
  });

  it("[P5] a client whose position was trimmed is not recovered", async () => {
    const ana = await welcomed();
    await ana.publish("chat", 1);

    server.drop();
    server.room("lobby").publish("chat", 2);
    server.room("lobby").trim();

    expect(await next(ana, "welcome")).toMatchObject({ recovered: false, reason: "trimmed" });
  });

  it("a kicked member is closed for good, and its membership ends", async () => {
    const [ana, ben] = [await welcomed(), await welcomed()];
    const id = ben.self;
    const [closed, left] = [next(ben, "closed"), next(ana, "presence")];

    server.room("lobby").close("kicked", id);

    expect((await closed).error).toMatchObject({ code: "kicked" });
    expect((await left).left).toMatchObject([{ id, reason: "removed" }]);
  });

  it("[M2 M4] close ends the membership over WebSocket, and begins the grace period over SSE", async () => {
    const ana = await welcomed({ transports: ["websocket"] });
    const ben = await welcomed({ transports: ["sse"] });

    ana.close();
    ben.close();

    const room = server.room("lobby");
    await vi.waitFor(() => expect(room.connections).toBe(0));
    expect(room.members).toEqual([{ id: ben.self }]);
  });

  it("[K2] messages and state of the room itself are from `room`", async () => {
    const ana = await welcomed();
    const message = next(ana, "message");

    server.room("lobby").publish("notice", { text: "hi" });
    server.room("lobby").set({ topic: "lunch" });

    expect(await message).toMatchObject({ from: "room", event: "notice", data: { text: "hi" }, offset: 1 });
    await vi.waitFor(() => expect(ana.shared.get("topic")).toMatchObject({ value: "lunch", version: 2 }));
    expect(server.room("lobby").state).toEqual(new Map([["topic", "lunch"]]));
  });

  it("the option userOf names the user of a token, over both transports", async () => {
    server = createFakeServer({ userOf: (token) => `user-of-${token}` });
    const [ana] = [
      await welcomed({ getToken: () => "a" }),
      await welcomed({ getToken: () => "b", transports: ["sse"] }),
    ];
    await vi.waitFor(() => expect(ana.count).toBe(2));

    expect(server.room("lobby").members).toMatchObject([{ user: "user-of-a" }, { user: "user-of-b" }]);
    expect([...ana.members.values()]).toMatchObject([{ user: "user-of-a" }, { user: "user-of-b" }]);
  });

  it("[T5] the state has the limits of the server, checked by its code", async () => {
    const ana = await welcomed();
    const keys = Array.from({ length: 1_000 }, (_, index) => [`key-${index}`, 0] as const);
    server.room("lobby").set(Object.fromEntries(keys));

    await expect(ana.publish("chat", 1)).resolves.toBeDefined();
    expect(ana.shared.size).toBe(1_000);
    await expect(ana.shared.set({ "key-1000": 0 })).rejects.toMatchObject({
      code: "state_full",
      limit: "maxStateKeys",
    });
  });

  it("rooms of one server share nothing", async () => {
    const [ana, ben] = [join({}, "one"), join({}, "two")];
    await Promise.all([ana.publish("chat", 1), ben.publish("chat", 2)]);

    expect(server.room("one").log).toMatchObject([{ data: 1 }]);
    expect(server.room("two").log).toMatchObject([{ data: 2 }]);
  });

  it("a request whose signal was aborted before is rejected, and has no effect", async () => {
    const signal = AbortSignal.abort();
    const url = "https://parlor.test/rooms/lobby/events";

    await expect(server.fetch(url, { signal })).rejects.toMatchObject({ name: "AbortError" });

    expect(server.room("lobby").connections).toBe(0);
  });

  it("paths that the fake server does not serve are not found", async () => {
    const response = await server.fetch("https://parlor.test/rooms/lobby/members");

    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ type: "error", code: "not_found" });
  });

  it("a POST whose session does not belong to its key is rejected", async () => {
    const headers = { "Parlor-Session": "session.keykeykeykeykeykeykey1" };
    const response = await server.fetch("https://parlor.test/rooms/lobby/messages", {
      method: "POST",
      headers,
    });

    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: "bad_session" });
  });

  it("[H9] a leave for an older connection is rejected, and does not end the newer one", async () => {
    const ana = await welcomed();
    const { session, key, attempt } = await pairOf(ana);

    const post = (number: number): Promise<Response> =>
      server.fetch("https://parlor.test/rooms/lobby/messages", {
        method: "POST",
        headers: { "Parlor-Session": `${session}.${key}.${number}` },
        body: '{"type":"leave"}',
      });

    expect((await post(attempt - 1)).status).toBe(409);
    expect(server.room("lobby").members).toHaveLength(1);
    expect((await post(attempt)).status).toBe(200);
    expect(server.room("lobby").members).toEqual([]);
  });

  it("the ids of members are the same in each run", async () => {
    expect((await welcomed()).self).toBe("member-000000000000001");
    expect((await welcomed()).self).toBe("member-000000000000002");
  });
});

/** The session of a client, from the welcome of another connection with the same key and a higher number. */
async function pairOf({ key }: Room): Promise<{ session: string; key: string; attempt: number }> {
  const attempt = Number.MAX_SAFE_INTEGER;
  const socket = new server.WebSocket("wss://parlor.test/rooms/lobby", [
    "parlor.v1",
    `resume.${key}.${attempt}`,
  ]);
  const session = await new Promise<string>((resolve) => {
    socket.addEventListener("message", ({ data }) => {
      resolve((JSON.parse(String(data)) as { session: string }).session);
    });
  });
  return { session, key, attempt };
}
