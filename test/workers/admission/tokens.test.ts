import { describe, expect, it } from "vitest";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { serverWith } from "../support/servers.ts";
import { joinSse, openEvents, post } from "../support/sse.ts";
import { SECRETS, bearer, token } from "../support/tokens.ts";
import { join, joinWebSocket, upgrade } from "../support/websocket.ts";

const to = serveKinds;

function inAMinute(): number {
  return Math.floor(Date.now() / 1000) + 60;
}

describe("joining with a token", () => {
  it("[D1 G12] a kind that is not anonymous requires a token over both transports, before the room is called", async () => {
    const room = uniqueRoom("closed");

    const socket = await joinWebSocket(room, { to });
    const reader = await openEvents(room, { to });
    const read = await request(roomPath(room), {}, to);

    expect(await socket.inbox.take("error")).toMatchObject({ code: "token_missing" });
    expect(await socket.closed).toMatchObject({ code: 4503 });
    expect(await reader.inbox.take("error")).toMatchObject({ code: "token_missing" });
    expect(read.status).toBe(401);
  });

  it.each<[string, (text: string) => object]>([
    ["as a subprotocol", (text) => ({ protocols: ["parlor.v1", `bearer.${text}`] })],
    ["in Authorization", (text) => ({ headers: bearer(text) })],
    ["in the query", (text) => ({ query: { token: text } })],
  ])("[D2 J2] a token can be sent %s, and is never echoed", async (_where, carry) => {
    const member = await join(uniqueRoom("closed"), {
      to,
      ...carry(await token({ info: { role: "host" } })),
    });

    expect(await member.welcome()).toMatchObject({
      user: "ana",
      members: [{ id: member.member, user: "ana", info: { role: "host" } }],
    });
    expect(member.protocol ?? "").not.toContain("bearer");
  });

  it("[D3 J4] one key under two users is two members, and so is one user with two keys", async () => {
    const room = uniqueRoom("closed");
    const key = "AAAAAAAAAAAAAAAAAAAAAA";
    const ana = await join(room, { to, key, headers: bearer(await token()) });
    const bob = await join(room, { to, key, headers: bearer(await token({ user: "bob" })) });
    const again = await join(room, { to, headers: bearer(await token()) });

    expect(new Set([ana.member, bob.member, again.member]).size).toBe(3);
    expect((await again.welcome()).members?.map(({ user }) => user)).toEqual(["ana", "bob", "ana"]);
  });

  it("[D4] a token that is signed with an older one of the server's secrets is valid", async () => {
    const member = await join(uniqueRoom("closed"), {
      to,
      headers: bearer(await token({ secret: SECRETS[0] })),
    });

    expect((await member.welcome()).user).toBe("ana");
  });

  it.each<[string, () => Promise<string>, string]>([
    ["signed with another secret", () => token({ secret: "x".repeat(40) }), "token_invalid"],
    ["that has expired", () => token({ exp: 1_000_000 }), "token_expired"],
    ["that is not valid yet", () => token({ claims: { nbf: inAMinute() } }), "token_invalid"],
    ["for another room", () => token({ rooms: { "closed:other": ["join"] } }), "forbidden"],
    ["without join", () => token({ rooms: { "*": ["publish"] } }), "forbidden"],
    ["with an unknown capability", () => token({ rooms: { "*": ["fly"] } }), "token_invalid"],
    ["without a user", () => token({ user: "" }), "token_invalid"],
    ["that is not a token", async () => "not.a.token", "token_invalid"],
    [
      "without a signature (alg none)",
      async () => `${btoa('{"alg":"none"}')}.${btoa('{"sub":"ana"}')}.`,
      "token_invalid",
    ],
  ])("[D5 G12] a token is rejected: %s", async (_what, mint, code) => {
    const socket = await joinWebSocket(uniqueRoom("closed"), { to, headers: bearer(await mint()) });

    expect(await socket.inbox.take("error")).toMatchObject({ code });
  });
});

describe("rights of a token", () => {
  it("[D6 G12] acts require their capabilities, over WebSocket and by POST", async () => {
    const room = uniqueRoom("closed");
    const weak = await token({ rooms: { "closed:*": ["join", "publish:chat.*"] } });
    const ana = await join(room, { to, headers: bearer(weak) });
    const bob = await joinSse(room, { to, headers: bearer(weak) });

    expect(await ana.publish("chat.line", 1)).toMatchObject({ type: "ack" });
    expect(await ana.publish("score", 1)).toMatchObject({ code: "forbidden" });
    const named = await joinWebSocket(room, { to, presence: "Eve", headers: bearer(weak) });
    expect(await named.inbox.take("error")).toMatchObject({ code: "forbidden" });
    for (const act of [{ type: "presence" }, { type: "set", set: { a: 1 } }, { type: "history" }]) {
      expect(await ana.act(act)).toMatchObject({ code: "forbidden" });
      expect((await post(room, bob, act, bearer(weak), to)).body).toMatchObject({ code: "forbidden" });
    }
  });

  it("[D6 G12] a client receives the member list, the state and the replay only with the capability for each", async () => {
    const room = uniqueRoom("closed");
    const ana = await join(room, { to, headers: bearer(await token()) });
    await ana.act({ type: "set", set: { a: 1 } });
    const start = ana.position;
    const weak = await token({ user: "bob", rooms: { "*": ["join"] } });
    const bob = await join(room, { to, after: start.replace(/\d+$/, "0"), headers: bearer(weak) });
    await ana.act({ type: "set", set: { a: 2 } });
    await ana.publish("e", 1);
    await bob.inbox.take("message");

    expect(await bob.welcome()).toMatchObject({
      mode: "count",
      count: 2,
      recovered: false,
      reason: "forbidden",
    });
    expect(bob.inbox.all.map(({ type }) => type)).toEqual(["welcome", "message"]);
    expect(await bob.welcome()).not.toHaveProperty("state");
    for (const part of ["/history", "/members", "/state"]) {
      expect((await request(roomPath(room, part), { headers: bearer(weak) }, to)).status).toBe(403);
    }
  });

  it("[D1] a client without a token has the rights that its kind grants to everyone", async () => {
    const room = uniqueRoom("read-only");
    const watcher = await join(room, { to });

    expect(await watcher.publish("e", 1)).toMatchObject({ code: "forbidden" });
    expect((await watcher.welcome()).mode).toBe("count");
  });
});

describe("renewal", () => {
  it("[D8] a new token of the same user renews a connection in band, and a token of another user does not", async () => {
    const room = uniqueRoom("closed");
    const ana = await join(room, { to, headers: bearer(await token({ rooms: { "*": ["join"] } })) });

    expect(await ana.publish("e", 1)).toMatchObject({ code: "forbidden" });
    expect(await ana.act({ type: "auth", token: await token({ user: "bob" }) })).toMatchObject({
      code: "forbidden",
    });
    expect(await ana.act({ type: "auth", token: "x" })).toMatchObject({ code: "token_invalid" });
    expect(await ana.act({ type: "auth", token: await token() })).toMatchObject({ type: "ack" });
    await kindsRoom(room).evict();
    expect(await ana.publish("e", 1)).toMatchObject({ type: "ack" });
  });
});

describe("origins", () => {
  const server = serverWith({ ALLOWED_ORIGINS: "https://*.example.com" });
  const ours = { Origin: "https://app.example.com" };
  const others = { Origin: "https://evil.example.net" };

  it("[D9 G12] a page of an origin that is not allowed can neither join over any transport nor read a room", async () => {
    const room = uniqueRoom();

    const socket = await joinWebSocket(room, { to: server, headers: others });
    const reader = await openEvents(room, { to: server, headers: others });
    const read = await request(roomPath(room), { headers: others }, server);

    expect(await socket.inbox.take("error")).toMatchObject({ code: "origin_not_allowed" });
    expect(await socket.closed).toMatchObject({ code: 4503 });
    expect(await reader.inbox.take("error")).toMatchObject({ code: "origin_not_allowed" });
    expect(read.status).toBe(403);
    expect(read.headers.get("Access-Control-Allow-Origin")).toBeNull();
  });

  it("[D9 H4] a page of an allowed origin, and a client outside of a browser, can join and read", async () => {
    const room = uniqueRoom();

    await join(room, { to: server, headers: ours });
    await join(room, { to: server });
    const read = await request(roomPath(room), { headers: ours }, server);

    expect(read.headers.get("Access-Control-Allow-Origin")).toBe("https://app.example.com");
    expect(await read.json()).toMatchObject({ members: 2 });
  });
});

describe("a paused server", () => {
  it("[J8 H2] a paused server rejects joins and acts as unavailable, and its health check succeeds", async () => {
    const server = serverWith({ PAUSED: "on" });
    const room = uniqueRoom();

    const answer = await upgrade(room, { to: server });
    const health = await request("/healthz", {}, server);

    expect(answer.status).toBe(503);
    expect(answer.headers.get("Retry-After")).toBe("2");
    expect(health.status).toBe(200);
  });
});
