import { describe, expect, it } from "vitest";
import { instance, number, object, string } from "valibot";
import { z } from "zod";
import { checkRoom } from "../../src/client/checked-room.ts";
import { ParlorError } from "../../src/client/error.ts";
import type { Room } from "../../src/client/room.ts";
import { joinApp } from "../../src/client/schemas.ts";
import { defineApp } from "../../src/protocol/schemas.ts";
import type { WelcomeFrame } from "../../src/protocol/frames.ts";
import { messageFrame, stateFrame } from "./support/fake-transport.ts";
import { settled } from "./support/fake-world.ts";
import { joined, type TestClient } from "./support/test-client.ts";

const app = defineApp({
  events: { chat: object({ text: string() }), image: instance(Uint8Array), note: z.string().nullable() },
  state: { topic: string(), votes: number() },
  presence: object({ name: string() }),
  requests: { hand: { data: object({ round: number() }), reply: z.array(z.string()) } },
});

const CHAT = { text: "hi" };

/** A checked room, with the errors that it emits. */
async function visit(
  welcome: Partial<WelcomeFrame> = {},
): Promise<{ client: TestClient; room: Room; errors: string[] }> {
  const client = await joined({}, { members: [{ id: "me" }, { id: "ana" }], count: 2, ...welcome });
  const room = checkRoom(app, client.room);
  const errors: string[] = [];
  room.on("error", ({ code, message }) => errors.push(`${code}: ${message}`));
  return { client, room, errors };
}

function deliverChat(client: TestClient, offset: number, data: unknown, event = "chat"): void {
  client.transport.deliver({ ...messageFrame(offset), event, data } as ReturnType<typeof messageFrame>);
}

describe("what a checked room sends", () => {
  it("data that does not match its schema is rejected with invalid_data, and not sent", async () => {
    const { client, room } = await visit();

    const acts = [
      room.publish("chat", { text: 1 }),
      room.publish("chta", CHAT),
      room.publish("image", "text"),
      room.setPresence({}),
      room.shared.set({ topic: "lunch", votes: "3" }),
      room.request("ana", "hand", {}),
    ].map((act) => act.catch((error: unknown) => error));
    const results = await Promise.all(acts);
    await settled();

    for (const error of results) expect(error).toBeInstanceOf(ParlorError);
    expect(results.map((error) => (error as ParlorError).message)).toEqual([
      'event "chat" does not match its schema: text: Invalid type: Expected string but received 1',
      'event "chta" has no schema; there are schemas for chat, image, note',
      'event "image" does not match its schema: Invalid type: Expected Uint8Array but received "text"',
      expect.stringContaining("presence data does not match its schema: name: "),
      'key "votes" does not match its schema: Invalid type: Expected number but received "3"',
      expect.stringContaining('request "hand" does not match its schema: round: '),
    ]);
    expect(client.transport.items).toEqual([]);
  });

  it("data that matches is sent unchanged", async () => {
    const { client, room } = await visit();

    void room.publish("chat", { ...CHAT, color: "red" });
    void room.publish("image", Uint8Array.of(1, 2, 3).buffer);
    void room.publish("note", undefined);
    room.send("chat", CHAT);
    void room.shared.set({ votes: 3 }, { delete: ["topic"] });
    await settled();

    expect(client.transport.items).toMatchObject([
      { event: "chat", data: { ...CHAT, color: "red" } },
      { event: "image", bytes: "AQID" },
      { event: "note", data: null },
      { type: "set", set: { votes: 3 } },
      { event: "chat", data: CHAT, volatile: true },
    ]);
  });

  it("send reports data that does not match as an event error, and throws nothing", async () => {
    const { client, room, errors } = await visit();

    room.send("chat", {});
    await settled();

    expect(errors).toEqual([
      expect.stringContaining('invalid_data: event "chat" does not match its schema: text'),
    ]);
    expect(client.transport.items).toEqual([]);
  });

  it("joinApp throws invalid_data for presence data that does not match", () => {
    const join = (): unknown =>
      joinApp(app, "https://parlor.example/rooms/lobby", {
        presence: {} as { name: string },
        autoConnect: false,
      });

    expect(join).toThrow("presence data does not match its schema: name: ");
  });

  it("an update whose result does not match is rejected, and the others are set", async () => {
    const { client, room } = await visit({ state: { votes: [1, 1] }, stateOffset: 1 });

    const wrong = room.shared.update("votes", () => "many").catch((error: unknown) => error);
    void room.shared.update("votes", (votes) => Number(votes) + 1);
    await settled();

    expect(await wrong).toMatchObject({ code: "invalid_data" });
    expect(client.transport.items).toMatchObject([{ set: { votes: 2 } }]);
  });

  it("all other parts are those of the room itself", async () => {
    const { client, room } = await visit();

    expect(room.self).toBe("me");
    expect(room.count).toBe(2);
    expect(room.connection).toBe(client.room.connection);
    room.close();
    expect(client.room.connection.state).toBe("closed");
    expect(room.connection.state).toBe("closed");
  });
});

describe("what a checked room receives", () => {
  it("a message that does not match is not delivered, and is reported once as an event error", async () => {
    const { client, room, errors } = await visit();
    const received: unknown[] = [];
    for (const _listener of [1, 2]) room.on("message", ({ data }) => received.push(data));

    deliverChat(client, 1, { text: 1 });
    deliverChat(client, 2, CHAT);
    deliverChat(client, 3, 7, "unknown");

    expect(received).toEqual([CHAT, CHAT]);
    expect(errors).toEqual([
      'invalid_data: received from ana: event "chat" does not match its schema: text: Invalid type: Expected string but received 1',
      'invalid_data: received from ana: event "unknown" has no schema; there are schemas for chat, image, note',
    ]);
    expect(room.position).toBe(client.room.position);
  });

  it("a loop over messages leaves out those that do not match", async () => {
    const { client, room } = await visit();
    const received: unknown[] = [];
    const loop = (async () => {
      for await (const { data } of room.messages()) received.push(data);
    })();
    await settled();

    deliverChat(client, 1, { text: 1 });
    deliverChat(client, 2, CHAT);
    room.close();
    await loop;

    expect(received).toEqual([CHAT]);
  });

  it("a member whose presence data does not match is a member without data, and is reported once", async () => {
    const ANA = { id: "ana", data: { name: "Ana" } };
    const { client, room, errors } = await visit({
      members: [{ id: "me" }, ANA, { id: "bo", user: "u-bo", data: "Bo" }],
      count: 3,
    });
    const changes: unknown[] = [];
    room.on("presence", (change) => changes.push(change));

    expect([...room.members.values()]).toEqual([{ id: "me" }, ANA, { id: "bo", user: "u-bo" }]);
    expect(room.members.snapshot).toBe(room.members.snapshot);
    expect(room.members.get("ana")).toBe(client.room.members.get("ana"));
    client.transport.deliver({
      ...{ type: "presence", roster: "r", count: 2 },
      updated: [{ id: "ana", data: 7 }],
      left: [{ id: "bo", reason: "left" }],
    });

    expect(room.members.get("ana")).toEqual({ id: "ana" });
    expect(changes).toEqual([
      { joined: [], updated: [{ id: "ana" }], left: [{ id: "bo", user: "u-bo", reason: "left" }], count: 2 },
    ]);
    expect(errors).toEqual([
      expect.stringContaining("received from bo: presence data does not match"),
      expect.stringContaining("received from ana: presence data does not match"),
    ]);
  });

  it("a key of the shared state whose value does not match is missing, and an update replaces it", async () => {
    const { client, room, errors } = await visit({
      state: { votes: ["many", 4], topic: ["lunch", 2] },
      stateOffset: 4,
    });
    const keys: unknown[] = [];
    room.on("shared", (change) => keys.push(change.keys));
    const befores: unknown[] = [];

    expect([...room.shared.entries()]).toEqual([["topic", { value: "lunch", version: 2 }]]);
    expect([room.shared.has("votes"), room.shared.size]).toEqual([false, 1]);
    expect(errors).toEqual([
      expect.stringContaining('received from the shared state: key "votes" does not match'),
    ]);
    void room.shared.update("votes", (votes) => {
      befores.push(votes);
      return 1;
    });
    await settled();
    client.transport.deliver(stateFrame(5, { set: { votes: 2 } }));

    expect(befores).toEqual([undefined]);
    expect(client.transport.items).toMatchObject([{ set: { votes: 1 }, if: { votes: 4 } }]);
    expect(room.shared.get("votes")).toEqual({ value: 2, version: 5 });
    expect(keys).toEqual([["votes"]]);
  });

  it("a request that does not match does not reach the handler, and neither a wrong reply the requester", async () => {
    const { client, room } = await visit();
    const asked: unknown[] = [];
    room.onRequest("hand", ({ data }) => {
      asked.push(data);
      return [1];
    });
    const deliver = (event: string, data: object): void =>
      client.transport.deliver({
        ...{ type: "message", time: 1, from: "ana", to: ["me"], event },
        data: data as Record<string, never>,
      });

    deliver("$request", { id: "1", event: "hand", data: {} });
    deliver("$request", { id: "2", event: "hand", data: { round: 1 } });
    await settled();
    expect(client.transport.items.map(({ data }) => data)).toMatchObject([
      { id: "1", error: { code: "invalid_data", message: expect.stringContaining("round") as unknown } },
      { id: "2", error: { code: "invalid_data", message: expect.stringContaining("reply") as unknown } },
    ]);
    expect(asked).toEqual([{ round: 1 }]);

    const reply = room.request("ana", "hand", { round: 1 }).catch((error: unknown) => error);
    await settled();
    const { id } = (client.transport.items.at(-1)?.data ?? {}) as { readonly id?: string };
    deliver("$reply", { id, data: [7] });
    expect(await reply).toMatchObject({ code: "invalid_data" });
  });
});
