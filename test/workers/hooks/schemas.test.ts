import { describe, expect, it } from "vitest";
import type { Json } from "../../../src/protocol/json.ts";
import { kindsRoom, serveKinds as to } from "../support/kinds.ts";
import { uniqueRoom } from "../support/rooms.ts";
import { joinSse, post } from "../support/sse.ts";
import { setHooks } from "../support/test-hooks.ts";
import { join, joinWebSocket, rejoin } from "../support/websocket.ts";

const ANA = { name: "Ana" };
const CHAT = { text: "hi", author: ANA };

describe("messages", () => {
  it.each([
    [
      "chat",
      { text: 1, author: ANA },
      'event "chat" does not match its schema: text: Invalid type: Expected string',
    ],
    ["chat", { text: "hi", author: {} }, "author.name: Invalid key"],
    ["chat", { ...CHAT, color: "red" }, "color: Invalid key"],
    ["chat", null, 'event "chat" does not match its schema: Invalid type'],
    ["cursor", { x: 0, points: [1, "2"] }, "points.1: Invalid input: expected number, received string"],
    ["image", "text", "Expected Uint8Array"],
    ["note:7", 7, 'event "note:7" does not match'],
    ["note:number:7", "7", "Expected number"],
    ["note", "7", 'event "note" has no schema; there are schemas for chat, cursor, image, e, note:*'],
    ["toString", "7", 'event "toString" has no schema'],
  ])(
    "[K4] a message with the event %s and the data %j is rejected, and nobody receives it",
    async (event, data, why) => {
      const room = uniqueRoom("checked");
      const [ana, ben] = [await join(room, { to }), await join(room, { to })];

      const error = await ana.publish(event, data, { ref: 1 });
      ana.send({ type: "publish", event, data: data as Json, volatile: true });
      expect(await ana.inbox.take("error", ({ ref }) => ref === undefined)).toMatchObject({
        code: "invalid_data",
      });
      await ana.publish("e", "mark");

      expect(error).toMatchObject({ type: "error", ref: 1, code: "invalid_data" });
      expect(error).toHaveProperty("message", expect.stringContaining(why));
      expect(await ben.inbox.take("message")).toMatchObject({ event: "e", data: "mark" });
    },
  );

  it.each([
    ["chat", CHAT],
    ["cursor", { x: 1, unknown: true }],
    ["note:7", "text"],
    ["note:number:7", 7],
    ["e", null],
  ])(
    "[K4] a message with the event %s and the data %j matches its schema, and arrives unchanged",
    async (event, data) => {
      const room = uniqueRoom("checked");
      const [ana, ben] = [await join(room, { to }), await join(room, { to })];

      expect(await ana.publish(event, data)).toMatchObject({ type: "ack" });

      expect(await ben.inbox.take("message")).toMatchObject({ event, data });
    },
  );

  it("[K4 B6] the schema of raw bytes receives a Uint8Array", async () => {
    const room = uniqueRoom("checked");
    const [ana, ben] = [await join(room, { to }), await join(room, { to })];

    expect(await ana.act({ type: "publish", event: "image", bytes: "AQID" })).toMatchObject({ type: "ack" });
    expect(await ana.act({ type: "publish", event: "e", bytes: "AQID" })).toMatchObject({ type: "ack" });
    expect(await ana.act({ type: "publish", event: "chat", bytes: "AQID" })).toMatchObject({
      code: "invalid_data",
    });

    expect(await ben.inbox.take("message")).toMatchObject({ event: "image", bytes: "AQID" });
  });

  it("[K4 H2] a message by POST that does not match is answered with the status 400", async () => {
    const room = uniqueRoom("checked");
    const bob = await joinSse(room, { to });
    await bob.welcome();

    expect(await post(room, bob, { type: "publish", event: "chat", data: {} }, {}, to)).toMatchObject({
      status: 400,
      body: { type: "error", code: "invalid_data" },
    });
  });

  it("[K4 K1] onPublish is called only for messages that match, and what it returns is not checked", async () => {
    const asked: unknown[] = [];
    setHooks({
      onPublish: (_room, _member, { event, data }) => {
        asked.push(data);
        return event === "e" ? { event: "chat", data: "anything" } : undefined;
      },
    });
    const room = uniqueRoom("checked");
    const ana = await join(room, { to });

    await ana.publish("chat", { text: 1 });
    await ana.publish("chat", CHAT);
    await ana.publish("e", 1);

    expect(asked).toEqual([CHAT, 1]);
    expect(ana.inbox.messages.map(({ event, data }) => [event, data])).toEqual([
      ["chat", CHAT],
      ["chat", "anything"],
    ]);
  });

  it.each(["broken", "later"])(
    "[K3 K4] the schema %s fails when it is called, so the message is rejected with internal",
    async (event) => {
      const room = uniqueRoom("checked");
      const ana = await join(room, { to });

      expect(await ana.publish(event, "text")).toMatchObject({ code: "internal" });
      expect(await ana.publish("chat", CHAT)).toMatchObject({ type: "ack", offset: 1 });
    },
  );

  it("[K4 R1] the data of a request between members is checked, and a reply is not", async () => {
    const room = uniqueRoom("checked");
    const [ana, ben] = [await join(room, { to }), await join(room, { to })];
    const ask = (event: string, data: unknown): void =>
      ana.send({
        ...{ type: "publish", event: "$request", volatile: true, key: "1", to: [ben.member] },
        data: { id: "1", event, data },
      });

    ask("hand", { round: "first" });
    expect(await ana.inbox.take("error")).toMatchObject({
      code: "invalid_data",
      message: expect.stringContaining('request "hand" does not match its schema: round: ') as unknown,
    });
    ask("foot", {});
    expect(await ana.inbox.take("error")).toMatchObject({
      message: 'request "foot" has no schema; there are schemas for hand',
    });
    ask("hand", { round: 1 });
    expect(await ben.inbox.take("message")).toMatchObject({ data: { data: { round: 1 } } });
    ben.send({
      ...{ type: "publish", event: "$reply", volatile: true, key: "1", to: [ana.member] },
      data: { id: "1", data: 7 },
    });
    expect(await ana.inbox.take("message", ({ event }) => event === "$reply")).toMatchObject({
      data: { data: 7 },
    });
    expect(await ben.publish("$reply", { id: "1" })).toMatchObject({ code: "invalid_data" });
  });
});

describe("the shared state", () => {
  it("[K4 T1] a change with a value that does not match, or with an unknown key, changes nothing", async () => {
    const room = uniqueRoom("checked");
    const ana = await join(room, { to });

    expect(await ana.act({ type: "set", set: { "hand:ana": true, votes: 11 } })).toMatchObject({
      code: "invalid_data",
      message: 'key "votes" does not match its schema: Invalid value: Expected <=10 but received 11',
    });
    expect(await ana.act({ type: "set", set: { topic: "lunch" } })).toMatchObject({
      code: "invalid_data",
      message: 'key "topic" has no schema; there are schemas for votes, hand:*',
    });
    expect(await ana.act({ type: "set", set: { "hand:ana": true, votes: 10 } })).toMatchObject({
      type: "ack",
      offset: 1,
    });
    expect(await ana.act({ type: "set", delete: ["votes"] })).toMatchObject({ type: "ack" });
  });
});

describe("presence data", () => {
  it("[K4 J8] a join with presence data that does not match is rejected, and closed with bad_protocol", async () => {
    const room = uniqueRoom("checked");

    const eve = await joinWebSocket(room, { to, presence: { name: 7 } });

    expect(await eve.inbox.take("error")).toMatchObject({
      code: "invalid_data",
      message: "presence data does not match its schema: name: Invalid type: Expected string but received 7",
    });
    expect(await eve.closed).toMatchObject({ code: 4500 });
    expect(await kindsRoom(room).info()).toMatchObject({ members: 0 });
  });

  it("[K4 A5] presence data that does not match is rejected, and the member keeps the data that it had", async () => {
    const room = uniqueRoom("checked");
    const ana = await join(room, { to, presence: ANA });

    expect(await ana.act({ type: "presence", data: "Anna" })).toMatchObject({ code: "invalid_data" });

    const ben = await join(room, { to });
    expect((await ben.welcome()).members).toContainEqual({ id: ana.member, data: ANA });
  });

  it("[K4 K1] a member that reconnects with presence data that does not match keeps its data, and receives the error", async () => {
    const room = uniqueRoom("checked-grace");
    const ana = await join(room, { to, presence: ANA });

    const again = await rejoin(room, ana, { to, presence: "Anna" });

    expect(await again.inbox.take("error")).toMatchObject({ code: "invalid_data" });
    expect((await again.welcome()).members).toEqual([{ id: ana.member, data: ANA }]);
  });
});
