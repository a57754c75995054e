import { describe, expect, it } from "vitest";
import { deriveIdentity, randomKey } from "../../../src/protocol/ids.ts";
import { infoOf, request, roomPath, roomStub, tablesOf, uniqueRoom } from "../support/rooms.ts";
import { joinSse, openEvents } from "../support/sse.ts";
import { token } from "../support/tokens.ts";
import { join, joinWebSocket, upgrade } from "../support/websocket.ts";

describe("transports", () => {
  it("[J1] the first frame over WebSocket is the welcome", async () => {
    const ana = await join(uniqueRoom());

    expect(ana.inbox.all.map(({ type }) => type)).toEqual(["welcome"]);
  });

  it("[J1] the first frame over SSE is the welcome", async () => {
    const ana = await joinSse(uniqueRoom());

    expect(ana.response.status).toBe(200);
    expect(ana.response.headers.get("Content-Type")).toContain("text/event-stream");
    expect(ana.inbox.all.map(({ type }) => type)).toEqual(["welcome"]);
  });

  it("[J1] the word websocket in Upgrade is accepted in any case", async () => {
    const response = await upgrade(uniqueRoom(), { headers: { Upgrade: "WebSocket" } });

    expect(response.status).toBe(101);
    response.webSocket?.accept();
    response.webSocket?.close();
  });
});

const TOKEN = await token();

describe("subprotocols", () => {
  it.each([
    ["none", undefined, null],
    ["parlor.v1", ["parlor.v1"], "parlor.v1"],
    ["parlor.v1 among others", ["parlor.v9", "parlor.v1", "x"], "parlor.v1"],
    ["parlor.v1 behind a secret", [`resume.${randomKey()}`, "parlor.v1"], "parlor.v1"],
    ["parlor.v1 with a token", [`bearer.${TOKEN}`, "parlor.v1"], "parlor.v1"],
  ])(
    "[J2] a client that offers %s is welcomed, and the response contains no secret",
    async (_what, protocols, answer) => {
      const ana = await join(uniqueRoom(), protocols === undefined ? {} : { protocols });

      expect(ana.protocol).toBe(answer);
    },
  );

  it.each([
    ["another version", ["parlor.v2"], "parlor.v2"],
    ["others", ["mqtt", "chat"], "mqtt"],
    ["a name of another case", ["Parlor.V1"], "Parlor.V1"],
    ["a secret and another", [`resume.${randomKey()}`, "bearer.x", "mqtt"], "mqtt"],
    ["a secret", [`resume.${randomKey()}`], null],
  ])(
    "[J2 G12] a client that offers only %s is closed with version, and the response contains no secret",
    async (_what, protocols, answer) => {
      const room = uniqueRoom();

      const ana = await joinWebSocket(room, { protocols });

      expect(await ana.inbox.take("error")).toMatchObject({ code: "version" });
      expect(await ana.closed).toMatchObject({ code: 4502 });
      expect(ana.protocol).toBe(answer);
      expect(await tablesOf(room)).toEqual([]);
    },
  );
});

describe("keys", () => {
  it("[J3] the server generates a new key of 22 characters for each client without one", async () => {
    const room = uniqueRoom();
    const keys = [(await join(room)).key, (await join(room)).key, (await joinSse(room)).key];

    for (const key of keys) expect(key).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(new Set(keys).size).toBe(3);
  });

  it("[J3] a key in the query is used, and the welcome contains it", async () => {
    const key = randomKey();

    expect((await join(uniqueRoom(), { key })).key).toBe(key);
    expect((await joinSse(uniqueRoom(), { key })).key).toBe(key);
  });

  it("[J3] a key offered as a subprotocol wins over the query's", async () => {
    const key = randomKey();

    const ana = await join(uniqueRoom(), { key: randomKey(), protocols: ["parlor.v1", `resume.${key}`] });

    expect(ana.key).toBe(key);
  });

  it.each([
    "a",
    "a".repeat(21),
    "a".repeat(23),
    `${"a".repeat(21)}+`,
    `${"a".repeat(21)}=`,
    `${"a".repeat(21)}é`,
  ])("[J3] the key %j is bad_key over either transport", async (key) => {
    const room = uniqueRoom();
    const ana = await joinWebSocket(room, { query: { key } });
    const bob = await openEvents(room, { query: { key } });

    expect(await ana.inbox.take("error")).toMatchObject({ code: "bad_key" });
    expect(await bob.inbox.take("error")).toMatchObject({ code: "bad_key" });
    expect(await tablesOf(room)).toEqual([]);
  });

  it("[J3] a malformed key offered as a subprotocol is rejected even if the query's key is valid", async () => {
    const ana = await joinWebSocket(uniqueRoom(), { key: randomKey(), protocols: ["parlor.v1", "resume.x"] });

    expect(await ana.inbox.take("error")).toMatchObject({ code: "bad_key" });
  });
});

describe("identity", () => {
  it("[J4] session and member are derived from room and key, over either transport", async () => {
    const [room, key] = [uniqueRoom(), randomKey()];
    const expected = await deriveIdentity(room, "", key);

    const ana = await join(room, { key });
    ana.close(1000);
    await ana.closed;
    const back = await joinSse(room, { key });

    expect({ session: ana.session, member: ana.member }).toEqual(expected);
    expect({ session: back.session, member: back.member }).toEqual(expected);
  });

  it("[J4 G12] the same key in another room is another member", async () => {
    const key = randomKey();
    const here = await join(uniqueRoom(), { key });
    const there = await join(uniqueRoom(), { key });

    expect(there.session).not.toBe(here.session);
    expect(there.member).not.toBe(here.member);
  });
});

describe("one connection for each session", () => {
  it("[J5 G9] the older connection is closed with replaced, and nothing is announced", async () => {
    const room = uniqueRoom();
    const bob = await join(room);
    const ana = await join(room);
    await bob.inbox.take("presence");

    const again = await join(room, { key: ana.key });
    await again.publish("chat", "after");

    expect(await ana.closed).toMatchObject({ code: 4504 });
    await bob.inbox.take("message");
    expect(bob.inbox.all.map(({ type }) => type)).toEqual(["welcome", "presence", "message"]);
    expect(again.member).toBe(ana.member);
    expect(await infoOf(room)).toMatchObject({ members: 2 });
  });

  it("[J5 G5] a stream replaces a socket, and a socket a stream", async () => {
    const room = uniqueRoom();
    const socket = await join(room);
    const stream = await joinSse(room, { key: socket.key });
    const again = await join(room, { key: socket.key });

    expect(await socket.closed).toMatchObject({ code: 4504 });
    expect(await stream.closed).toMatchObject({ code: 4504 });
    expect(await infoOf(room)).toMatchObject({ members: 1 });
    expect((await again.welcome()).count).toBe(1);
  });

  it("[J5] presence data stays with the member when its connection is replaced", async () => {
    const room = uniqueRoom();
    const ana = await join(room, { presence: { mood: "calm" } });

    const again = await join(room, { key: ana.key });

    expect((await again.welcome()).members).toEqual([{ id: ana.member, data: { mood: "calm" } }]);
  });

  it("[J5] presence data of the new connection replaces the old, and the others are notified", async () => {
    const room = uniqueRoom();
    const bob = await join(room);
    const ana = await join(room, { presence: { mood: "calm" } });
    await bob.inbox.take("presence");

    await join(room, { key: ana.key, presence: { mood: "wild" } });

    expect(await bob.inbox.take("presence")).toEqual({
      type: "presence",
      roster: expect.any(String) as string,
      updated: [{ id: ana.member, data: { mood: "wild" } }],
      count: 2,
    });
  });

  it("[J5 G9] of many joins with one key at once, one connection stays", async () => {
    const [room, key] = [uniqueRoom(), randomKey()];
    const bob = await join(room);

    const joined = await Promise.all(Array.from({ length: 5 }, () => join(room, { key })));
    await bob.publish("chat", "count");
    const reached = await Promise.allSettled(joined.map((ana) => ana.inbox.take("message")));

    expect(reached.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(bob.inbox.all.filter((frame) => frame.type === "presence")).toMatchObject([{ count: 2 }]);
    expect(await infoOf(room)).toMatchObject({ members: 2 });
  });

  it("[J5] frames that the older connection still sends have no effect", async () => {
    const room = uniqueRoom();
    const ana = await join(room, { allowHalfOpen: true });
    const again = await join(room, { key: ana.key });
    await ana.closed;

    ana.send({ type: "publish", ref: 1, event: "chat", data: "late" });
    ana.send({ type: "leave" });
    ana.close(1000);

    expect(await again.publish("chat", "first")).toMatchObject({ type: "ack", offset: 1 });
    expect(await infoOf(room)).toMatchObject({ members: 1 });
  });
});

describe("parameters", () => {
  it("[J7] presence data of the join is known from the start", async () => {
    const room = uniqueRoom();
    const bob = await join(room);

    const ana = await join(room, { presence: [1, { a: null }] });

    expect(await bob.inbox.take("presence")).toMatchObject({
      joined: [{ id: ana.member, data: [1, { a: null }] }],
    });
  });

  it("[J7] unknown parameters are ignored", async () => {
    const ana = await join(uniqueRoom(), { query: { colour: "x", nonsense: "" } });

    expect((await ana.welcome()).protocol).toBe(1);
  });

  it.each(["state", "flow", "view"])("[J7] the parameter %s=0 is the same as an absent one", async (name) => {
    const ana = await join(uniqueRoom(), { query: { [name]: "0" } });

    expect(await ana.welcome()).toMatchObject({ count: 1, members: [{ id: ana.member }] });
    expect(await ana.publish("e", 1)).toMatchObject({ type: "ack" });
  });

  it("[J7 M5] any roster is accepted, and one that is not current has no effect", async () => {
    const ana = await join(uniqueRoom(), { query: { roster: "中 %22 \ud800 no such" } });

    expect(await ana.welcome()).toMatchObject({ members: [{ id: ana.member }] });
  });

  it.each([
    ["mode", "lists"],
    ["rewind", "-1"],
    ["rewind", "1.5"],
    ["rewind", "many"],
    ["rewind", "1234567890"],
    ["presence", "{"],
    ["presence", `${"[".repeat(65)}${"]".repeat(65)}`],
    ["state", "true"],
    ["flow", "2"],
    ["flow", "yes"],
    ["view", "01"],
  ])("[J7] the parameter %s=%s is bad_request over either transport", async (name, value) => {
    const room = uniqueRoom();
    const ana = await joinWebSocket(room, { query: { [name]: value } });
    const response = await request(
      roomPath(room, `/events?${new URLSearchParams({ [name]: value }).toString()}`),
    );

    expect(await ana.inbox.take("error")).toMatchObject({ code: "bad_request" });
    expect(await ana.closed).toMatchObject({ code: 4500 });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "bad_request" });
  });

  it("[G12] a join header from outside is ignored", async () => {
    const room = uniqueRoom();
    const forged = await deriveIdentity(room, "", randomKey());
    const header = JSON.stringify({
      v: 1,
      ...forged,
      key: "k",
      user: "root",
      dialect: "bridge",
      mode: "list",
    });

    const ana = await join(room, { headers: { "Parlor-Join": header } });
    const bob = await joinSse(room, { headers: { "Parlor-Join": header } });

    for (const member of [ana, bob]) {
      expect(member.member).not.toBe(forged.member);
      expect(await member.welcome()).not.toHaveProperty("user");
    }
  });

  it("[G12] a room accepts only joins that the Worker has admitted", async () => {
    const room = uniqueRoom();
    const response = await roomStub(room).fetch("https://room/", { headers: { Upgrade: "websocket" } });

    expect(response.webSocket).toBeNull();
    expect(response.status).toBe(503);
    expect(await tablesOf(room)).toEqual([]);
  });
});
