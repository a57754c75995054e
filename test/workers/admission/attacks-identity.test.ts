import { describe, expect, it } from "vitest";
import { CONTRACT_VERSION, JOIN_HEADER, encodeJoin } from "../../../src/protocol/contract.ts";
import { deriveIdentity, randomKey } from "../../../src/protocol/ids.ts";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { infoOf, request, roomPath, serve, uniqueRoom, type Serve } from "../support/rooms.ts";
import { serverWith } from "../support/servers.ts";
import { joinSse, openEvents, post } from "../support/sse.ts";
import { bearer, token } from "../support/tokens.ts";
import { join, joinWebSocket, type WebSocketMember } from "../support/websocket.ts";

/** Expects that a member is unaffected: its connection accepts acts, and it is the only member. */
async function expectUnharmed(ana: WebSocketMember): Promise<void> {
  expect(await ana.publish("still", 1)).toMatchObject({ type: "ack" });
  expect(ana.inbox.messages).toMatchObject([{ event: "still", from: ana.member }]);
}

describe("a stolen key", () => {
  const to = serveKinds;

  it("[D3 J4 G12] a stolen key under another user is another member, and replaces no connection", async () => {
    const room = uniqueRoom("closed");
    const ana = await join(room, { to, headers: bearer(await token()) });
    const eve = bearer(await token({ user: "eve" }));

    const stolen = [
      await join(room, { to, key: ana.key, headers: eve }),
      await join(room, { to, protocols: ["parlor.v1", `resume.${ana.key}`], headers: eve }),
      await joinSse(room, { to, key: ana.key, headers: eve }),
    ];

    for (const { member, session } of stolen) expect([member, session]).not.toContain(ana.member);
    expect(new Set(stolen.map(({ member }) => member)).size).toBe(1);
    await expectUnharmed(ana);
  });

  it("[H1 D3 G12] a stolen session and key under another user are rejected", async () => {
    const room = uniqueRoom("closed");
    const ana = await join(room, { to, headers: bearer(await token()) });
    const eve = bearer(await token({ user: "eve" }));

    for (const act of [{ type: "publish", event: "e" }, { type: "leave" }, { type: "presence", data: 1 }]) {
      expect(await post(room, ana, act, eve, to)).toMatchObject({
        status: 403,
        body: { code: "bad_session" },
      });
    }
    expect(await post(room, ana, { type: "leave" }, {}, to)).toMatchObject({
      body: { code: "token_missing" },
    });
    await expectUnharmed(ana);
  });

  it("[D3 J4 G12] the stolen key of a user is another member without a token, in a room that requires none", async () => {
    const room = uniqueRoom("ruled");
    const ana = await join(room, { to, headers: bearer(await token()) });

    const eve = await join(room, { to, key: ana.key });

    expect(eve.member).not.toBe(ana.member);
    expect((await post(room, ana, { type: "leave" }, {}, to)).body).toMatchObject({ code: "bad_session" });
    await expectUnharmed(ana);
  });

  it("[H1 J4 G12] a stolen session and key are rejected in another room", async () => {
    const [here, there] = [uniqueRoom(), uniqueRoom()];
    const ana = await join(here);
    const bob = await join(there);

    expect(await post(there, ana, { type: "publish", event: "e" })).toMatchObject({
      status: 403,
      body: { code: "bad_session" },
    });
    const { session } = await deriveIdentity(there, "", ana.key);
    expect(await post(there, { session, key: ana.key }, { type: "publish", event: "e" })).toMatchObject({
      status: 409,
      body: { code: "not_joined" },
    });
    expect((await join(there, { key: ana.key })).member).not.toBe(ana.member);
    await bob.publish("mark", 1);
    expect(bob.inbox.messages.map(({ event }) => event)).toEqual(["mark"]);
    await expectUnharmed(ana);
  });

  it.each<[string, (ana: WebSocketMember, bob: WebSocketMember) => string]>([
    ["another member's session and the sender's key", (ana, bob) => `${ana.session}.${bob.key}`],
    ["the sender's session and another member's key", (ana, bob) => `${bob.session}.${ana.key}`],
    ["a member id in place of the session", (ana) => `${ana.member}.${ana.key}`],
    ["no key", (ana) => ana.session],
    ["an empty key", (ana) => `${ana.session}.`],
    ["a third part", (ana) => `${ana.session}.${ana.key}.x`],
    ["two pairs", (ana, bob) => `${bob.session}.${bob.key}, ${ana.session}.${ana.key}`],
    ["names that objects inherit", () => "__proto__.constructor"],
  ])("[H1 G12] a session header is rejected if it has %s", async (_what, header) => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];

    const answer = await request(roomPath(room, "/messages"), {
      method: "POST",
      headers: { "Parlor-Session": header(ana, bob) },
      body: '{"type":"publish","event":"e"}',
    });

    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ code: "bad_session" });
    await expectUnharmed(ana);
  });
});

describe("a page of another origin", () => {
  const to = serverWith({ ALLOWED_ORIGINS: "https://app.example.com, https://*.example.org" });

  it.each([
    "https://evil.example.net",
    "https://app.example.com.evil.net",
    "https://evilapp.example.com",
    "https://app.example.com:8443",
    "http://app.example.com",
    "https://app-example.com",
    "https://appXexample.com",
    "https://example.org",
    "https://evil.net/.example.org",
    "https://evil.net#.example.org",
    "https://user@a.example.org",
    "https://a.example.org.evil.net",
    "https://app.example.com,https://evil.net",
    "null",
    "file://",
    "",
  ])("[D9 G12] (%s) with the member's own key and session joins, acts and reads nothing", async (origin) => {
    const room = uniqueRoom();
    const ana = await join(room, { to, headers: { Origin: "https://app.example.com" } });
    const headers = { Origin: origin };

    const socket = await joinWebSocket(room, { to, key: ana.key, headers });
    const reader = await openEvents(room, { to, key: ana.key, headers });
    const acted = await post(room, ana, { type: "publish", event: "e" }, headers, to);

    expect(await socket.inbox.take("error")).toMatchObject({ code: "origin_not_allowed" });
    expect(await socket.closed).toMatchObject({ code: 4503 });
    expect(await reader.inbox.take("error")).toMatchObject({ code: "origin_not_allowed" });
    expect(acted).toMatchObject({ status: 403, body: { code: "origin_not_allowed" } });
    for (const part of ["", "/history", "/members", "/state"]) {
      const read = await request(roomPath(room, part), { headers }, to);
      expect(read.status).toBe(403);
      expect(read.headers.get("Access-Control-Allow-Origin")).toBeNull();
    }
    await expectUnharmed(ana);
  });

  it("[D9 H4 G12] a preflight from an origin that is not allowed does not allow the request", async () => {
    const preflight = await request(
      roomPath("a", "/messages"),
      {
        method: "OPTIONS",
        headers: { Origin: "https://evil.net", "Access-Control-Request-Method": "POST" },
      },
      to,
    );

    expect(preflight.headers.get("Access-Control-Allow-Origin")).toBeNull();
  });
});

describe("an act with a forged sender", () => {
  it("[A1 T1 A5 G12] the server sets sender, time and position of an act, and ignores those fields in the frame", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await joinSse(room)];
    const lies = {
      ...{
        from: ana.member,
        user: "ana",
        member: ana.member,
        session: ana.session,
        key: "k",
        id: ana.member,
      },
      ...{ time: 1, offset: 99, position: "x:1", head: "x:1", epoch: "x", info: { admin: true }, access: { grants: ["moderate"] } }, // prettier-ignore
    };
    const eve = await join(room, { presence: { id: ana.member, user: "ana", info: 1 } });

    await eve.act({ type: "publish", event: "e", data: 1, ...lies });
    await eve.act({ type: "set", set: { a: 1 }, own: true, ...lies });
    await eve.act({ type: "presence", data: lies, ...lies });
    eve.send({ type: "publish", event: "v", volatile: true, data: 1, ...lies });
    await bob.post([{ type: "publish", ref: 1, event: "e", data: 2, ...lies }]);
    await ana.inbox.until(({ messages }) => messages.length === 2);

    const published = ana.inbox.all.filter(({ type }) => type === "message" || type === "state");
    expect(published.map((frame) => ("from" in frame ? frame.from : undefined))).toEqual([
      ...[eve.member, eve.member, eve.member],
      bob.member,
    ]);
    for (const frame of published) {
      expect(frame).not.toHaveProperty("user");
      expect((frame as { readonly time: number }).time).toBeGreaterThan(1_000_000);
      expect((frame as { readonly offset?: number }).offset ?? 0).toBeLessThan(4);
    }
    const entry = (await (await join(room)).welcome()).members?.find(({ id }) => id === eve.member);
    expect(Object.keys(entry ?? {})).toEqual(["id", "data"]);
  });

  it("[F2 G12] a client's frame of a server's type is rejected", async () => {
    const room = uniqueRoom();
    const [ana, eve] = [await join(room), await join(room)];

    for (const type of ["message", "state", "welcome", "position", "ack", "error", "close", "pong", "kick"]) {
      expect(await eve.ask({ type, ref: 1, offset: 1, from: ana.member, event: "e" })).toMatchObject({
        code: "unknown_type",
      });
    }
    await ana.publish("mark", 1);

    expect(ana.inbox.all.map(({ type }) => type)).toEqual(["welcome", "presence", "message", "ack"]);
  });
});

describe("the Worker's internal join data", () => {
  async function smuggled(room: string): Promise<{ readonly header: string; readonly member: string }> {
    const key = randomKey();
    const identity = await deriveIdentity(room, "root", key);
    const access = {
      grants: ["join", "publish", "presence", "history", "state", "members", "moderate"] as const,
    };
    const header = encodeJoin({
      ...{ v: CONTRACT_VERSION, ...identity, key, user: "root", dialect: "json", mode: "list" },
      ...{ access, presence: '"smuggled"' },
    });
    return { header, member: identity.member };
  }

  it.each<[string, Serve, (room: string) => string]>([
    ["the Worker of wrangler.toml", serve, () => uniqueRoom()],
    ["a Worker with other kinds", serveKinds, () => uniqueRoom("ruled")],
  ])(
    "[J4 G12] the Worker's internal join header has no effect in a client's request: %s",
    async (_what, to, name) => {
      const room = name("");
      const { header, member } = await smuggled(room);
      const headers = { [JOIN_HEADER]: header };
      const ana = await join(room, { to });

      const eve = await join(room, { to, headers });
      const reader = await joinSse(room, { to, headers: { ...headers, Upgrade: "websocket" } });
      const answers = [
        await request(roomPath(room), { headers }, to),
        await request(roomPath(room, "/history"), { headers }, to),
        await request("/", { headers: { ...headers, Upgrade: "websocket" } }, to),
        await request("/readyz", { headers: { ...headers, Upgrade: "websocket" } }, to),
        await request(roomPath(room, "/messages"), { method: "POST", headers, body: '{"type":"leave"}' }, to),
        await request(roomPath(room, "/state"), { headers: { ...headers, Upgrade: "websocket" } }, to),
      ];

      for (const joined of [eve, reader]) {
        expect(joined.member).not.toBe(member);
        expect(await joined.welcome()).not.toHaveProperty("user");
      }
      expect(answers.map(({ webSocket }) => webSocket)).toEqual(answers.map(() => null));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 404, 200, 403, 200]);
      await ana.publish("mark", 1);
      expect(JSON.stringify(ana.inbox.all)).not.toContain("smuggled");
      expect(JSON.stringify(ana.inbox.all)).not.toContain(member);
    },
  );

  it("[J4 J7 G12] the Worker's internal join data has no effect as parameters, as a subprotocol, or in a room that requires a token", async () => {
    const room = uniqueRoom();
    const { header, member } = await smuggled(room);
    const fields = JSON.parse(header) as Record<string, unknown>;
    const query = Object.fromEntries(
      Object.entries({ ...fields, [JOIN_HEADER]: header })
        .filter(([name]) => name !== "key" && name !== "mode")
        .map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
    );

    const eve = await join(room, { query, protocols: ["parlor.v1", JOIN_HEADER] });
    const closed = uniqueRoom("closed");
    const out = await joinWebSocket(closed, {
      to: serveKinds,
      headers: { [JOIN_HEADER]: (await smuggled(closed)).header },
    });

    expect(eve.member).not.toBe(member);
    expect(await eve.welcome()).not.toHaveProperty("user");
    expect(await out.inbox.take("error")).toMatchObject({ code: "token_missing" });
    expect((await infoOf(room)).members).toBe(1);
    expect(await kindsRoom(closed).inside(({ storage }) => storage.getAlarm())).toBeNull();
  });
});
