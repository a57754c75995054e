import { describe, expect, it } from "vitest";
import { CONTRACT_VERSION, JOIN_HEADER, encodeJoin } from "../../../src/protocol/contract.ts";
import { deriveIdentity, randomKey } from "../../../src/protocol/ids.ts";
import { SCHEMA_VERSION } from "../../../src/room/tables.ts";
import { kindsRoom, serveKinds as to } from "../support/kinds.ts";
import { STRICT, beBanned, beMuted, beRefused, refusalOf } from "../support/penalties.ts";
import { request, roomPath, uniqueAddress, uniqueRoom } from "../support/rooms.ts";
import { joinSse, post } from "../support/sse.ts";
import { bearer, token } from "../support/tokens.ts";
import { dump } from "../support/version-1.ts";
import { EPOCH_2, downgradeToVersion2, storeVersion2 } from "../support/version-2.ts";
import { join, WebSocketMember } from "../support/websocket.ts";

/** A room as code of version 2 left it, with ana as a member. */
async function roomOfVersion2(kind: string, user = "") {
  const room = uniqueRoom(kind);
  const key = randomKey();
  const ana = { key, user, ...(await deriveIdentity(room, user, key)) };
  await kindsRoom(room).inside(({ storage }) => storeVersion2(storage, ana, Date.now() - 60_000));
  await kindsRoom(room).evict();
  return { room, ana };
}

function dumpOf(room: string): Promise<Record<string, unknown[]>> {
  return kindsRoom(room).inside(({ storage }) => dump(storage));
}

describe("tables of version 2", () => {
  it("[V2 G1 G6 T4] a client resumes over tables of version 2 without loss", async () => {
    const { room, ana } = await roomOfVersion2("strict-grace", "ana");

    const headers = bearer(await token({ info: { role: "host" } }));
    const back = await join(room, {
      to,
      headers,
      key: ana.key,
      after: `${EPOCH_2}:0`,
      query: { state: "1" },
    });
    await back.inbox.take("position");

    expect(await back.welcome()).toMatchObject({
      recovered: true,
      count: 1,
      members: [{ id: ana.member, user: "ana", data: "here", info: { role: "host" } }],
      state: { topic: ["tea", 2] },
    });
    expect(back.inbox.messages).toMatchObject([{ offset: 1, data: "text 1" }]);
    expect(await back.publish("chat", "text 1", { ref: 1 })).toMatchObject({ offset: 1 });
    expect(await back.publish("chat", "new", { ref: 3 })).toMatchObject({ offset: 3 });
    expect((await dumpOf(room))["meta"]).toContainEqual({ name: "schema", value: SCHEMA_VERSION });
    expect((await dumpOf(room))["floor"]).toHaveLength(1);
  });

  it("[V2 L2] tables of version 2 take mutes and bans, and keep them through a sleep", async () => {
    const { room, ana } = await roomOfVersion2("strict");
    const headers = { "CF-Connecting-IP": uniqueAddress() };
    const back = await join(room, { to, headers, key: ana.key });

    await beMuted(back);
    await kindsRoom(room).evict();
    expect(await back.publish("e", 1)).toMatchObject({ code: "muted" });
    await beBanned(back);
    await kindsRoom(room).evict();

    expect(await refusalOf(room, headers)).toMatchObject({ code: "banned" });
  });

  it("[V2 D10] tables of version 2 take the owners of tickets, and keep them through a sleep", async () => {
    const { room } = await roomOfVersion2("closed", "ana");
    const init = { method: "POST", headers: bearer(await token()) };
    const { ticket } = await (await request(roomPath(room, "/ticket"), init, to)).json<{ ticket: string }>();

    const ana = await join(room, { to, query: { ticket } });
    await kindsRoom(room).evict();

    const thief = await request(roomPath(room, `/events?ticket=${ticket}&key=${randomKey()}`), {}, to);
    expect(await thief.json()).toMatchObject({ code: "ticket_used" });
    expect((await join(room, { to, query: { ticket } })).member).toBe(ana.member);
  });

  it("[V2 H5] the history in tables of version 2 can be read over HTTP without a join", async () => {
    const { room } = await roomOfVersion2("strict");

    const history = await request(roomPath(room, "/history"), {}, to);

    expect(await history.json()).toMatchObject({ messages: [{ offset: 1 }], position: `${EPOCH_2}:2` });
    expect(Object.keys(await dumpOf(room))).toContain("penalty");
  });

  it("[V2 G2] tables of version 2 whose migration fails stay unchanged until a migration succeeds", async () => {
    const { room, ana } = await roomOfVersion2("strict");
    await kindsRoom(room).inside(({ storage }) => storage.sql.exec("CREATE TABLE ticket (x)")); // makes the migration fail
    const before = await dumpOf(room);

    const refused = await request(roomPath(room, "/events"), {}, to);
    const after = await dumpOf(room);
    await kindsRoom(room).inside(({ storage }) => storage.sql.exec("DROP TABLE ticket"));

    expect(refused.status).toBe(503);
    expect(after).toEqual(before);
    expect(await (await join(room, { to, key: ana.key })).welcome()).toMatchObject({ count: 1 });
  });

  it("[V2 L2 G9] tables of version 2 are migrated while connections without a source address are open", async () => {
    const room = uniqueRoom("strict");
    const [ana, bob] = [await join(room, { to }), await joinSse(room, { to })];
    await kindsRoom(room).inside((state) => {
      downgradeToVersion2(state.storage);
      for (const socket of state.getWebSockets()) {
        const { source: _source, ...record } = socket.deserializeAttachment() as Record<string, unknown>;
        socket.serializeAttachment(record);
      }
    });
    await kindsRoom(room).evict();

    expect(await ana.publish("e", 1)).toMatchObject({ type: "ack", offset: 1 });
    expect(await post(room, bob, { type: "publish", event: "e" }, {}, to)).toMatchObject({ status: 200 });
    await beRefused(ana, STRICT.maxRefusals - 1);
    expect(await ana.publish("e", 1)).toMatchObject({ code: "muted" });
    ana.send("{");
    expect(await ana.closed).toMatchObject({ code: 4505 });
    // The address is not known, so only the session is banned.
    await join(room, { to });
  });
});

describe("a Worker of another version", () => {
  /** Joins as a Worker of another version would, with these fields. */
  async function joinAsWorker(room: string, fields: object): Promise<WebSocketMember> {
    const key = randomKey();
    const join = {
      ...{ v: CONTRACT_VERSION, ...(await deriveIdentity(room, "", key)), key },
      ...{ user: "", dialect: "json", mode: "list" },
      ...fields,
    };
    const headers = { Upgrade: "websocket", [JOIN_HEADER]: encodeJoin(join as never) };
    const response = await kindsRoom(room).stub.fetch("https://room/", { headers });
    if (response.webSocket === null) throw new Error(await response.text());
    return new WebSocketMember(response, response.webSocket);
  }

  it("[V2 L2] an older Worker that sends no source is served, and its session can be muted and banned", async () => {
    const room = uniqueRoom("strict");
    const [ana, bob] = [await joinAsWorker(room, {}), await joinAsWorker(room, {})];
    await ana.welcome();
    const { key } = await ana.welcome();

    await beMuted(ana);
    expect(await ana.publish("e", 1)).toMatchObject({ code: "muted" });
    await beBanned(ana);

    expect(await bob.publish("e", 1)).toMatchObject({ type: "ack" });
    const again = { key, ...(await deriveIdentity(room, "", key)) };
    await expect(joinAsWorker(room, again)).rejects.toThrow("banned");
  });

  it("[V2 H1] a refused POST from an older Worker that sends no source counts against the session's connection", async () => {
    const room = uniqueRoom("strict");
    const headers = { "CF-Connecting-IP": uniqueAddress() };
    const ana = await joinSse(room, { to, headers });
    const { session, member } = await ana.welcome();
    const body = JSON.stringify(Array(STRICT.maxRefusals).fill({ type: "publish" }));

    await kindsRoom(room).stub.act({ v: CONTRACT_VERSION, session, member, user: "", body });

    expect(await ana.closed).toMatchObject({ code: 4505 });
    expect(await refusalOf(room, headers)).toMatchObject({ code: "banned" });
  });

  it("[V2] a newer Worker that sends additional fields is served", async () => {
    const later = await joinAsWorker(uniqueRoom("strict"), { later: { x: 1 } });

    expect(await later.welcome()).toMatchObject({ count: 1 });
  });
});
