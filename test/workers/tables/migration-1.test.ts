import { runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { OPTIONS } from "../../../src/config/options.ts";
import { deriveIdentity, randomKey } from "../../../src/protocol/ids.ts";
import { DEDUPLICATION_WINDOW_ACTS, DEDUPLICATION_WINDOW_MS } from "../../../src/room/log/deduplication.ts";
import { SCHEMA_VERSION } from "../../../src/room/tables.ts";
import {
  crash,
  evict,
  inRoom,
  infoOf,
  request,
  roomPath,
  roomStub,
  rowsOf,
  tablesOf,
  uniqueRoom,
} from "../support/rooms.ts";
import { joinSse, openEvents, post } from "../support/sse.ts";
import { downgrade, dump, EPOCH_1, storeVersion1 } from "../support/version-1.ts";
import { join, rejoin, upgrade } from "../support/websocket.ts";

/** A room as code of version 1 left it: 25 messages from Ana, who was a member when it stopped. */
async function roomOfVersion1(rows: readonly number[] = [7, 1, 17], at = Date.now() - 60_000) {
  const room = uniqueRoom("chat");
  const key = randomKey();
  const ana = { key, ...(await deriveIdentity(room, "", key)) };
  const messages = await inRoom(room, ({ storage }) =>
    storeVersion1(storage, { rows, by: ana, at, members: [{ ...ana, data: '"here"' }] }),
  );
  await evict(room);
  return { room, ana, messages, position: (offset: number) => `${EPOCH_1}:${offset}` };
}

function dumpOf(room: string): Promise<Record<string, unknown[]>> {
  return inRoom(room, ({ storage }) => dump(storage));
}

describe("tables of version 1", () => {
  it.each([0, 6, 7, 8, 24])(
    "[V2 G1 G4 G6] a client resumes over tables of version 1 from offset %i without loss",
    async (offset) => {
      const { room, ana, messages, position } = await roomOfVersion1();

      const back = await join(room, { key: ana.key, after: position(offset) });
      await back.inbox.take("position");

      expect(await back.welcome()).toMatchObject({
        recovered: true,
        head: position(25),
        count: 1,
        members: [{ id: ana.member, data: "here" }],
      });
      expect(back.inbox.messages).toEqual(messages.slice(offset));
      expect(back.inbox.all.filter(({ type }) => type === "presence")).toEqual([]);
    },
  );

  it("[V2 A3 G3] the acts of tables of version 1 are deduplicated by their refs, and new messages follow them", async () => {
    const { room, ana } = await roomOfVersion1();
    const back = await join(room, { key: ana.key });

    expect(await back.publish("chat", "again", { ref: 1 })).toEqual({ type: "ack", ref: 1, offset: 1 });
    expect(await back.publish("chat", "again", { ref: 25 })).toEqual({ type: "ack", ref: 25, offset: 25 });
    expect(await back.publish("chat", "new", { ref: 26 })).toEqual({ type: "ack", ref: 26, offset: 26 });
    expect((await rowsOf(room)).map(({ first, last }) => [first, last])).toEqual([
      [1, 7],
      [8, 8],
      [9, 25],
      [26, 26],
    ]);
  });

  it("[V2 T1 A7 M5 G6] tables of version 1 take state and addressed messages, and keep them through a sleep and a crash", async () => {
    const { room, ana, position } = await roomOfVersion1();
    const [back, bob] = [await join(room, { key: ana.key }), await join(room)];
    await back.act({ type: "set", set: { topic: "tea" } }, 26);
    await back.act({ type: "publish", event: "chat", data: "for me", to: [ana.member] }, 27);

    for (const fail of [evict, crash]) {
      await fail(room);
      const again = await join(room, { key: ana.key, after: position(25), query: { state: "1" } });
      await again.inbox.take("position");
      const other = await rejoin(room, bob, { after: position(25) });
      await other.inbox.take("position");

      expect(await again.welcome()).toMatchObject({ state: { topic: ["tea", 26] } });
      expect(again.inbox.all).toContainEqual(expect.objectContaining({ type: "state", offset: 26 }));
      expect(again.inbox.messages).toMatchObject([{ offset: 27, data: "for me" }]);
      expect(other.inbox.messages).toEqual([]);
    }
    expect((await dumpOf(room))["meta"]).toContainEqual({ name: "schema", value: SCHEMA_VERSION });
  });

  it("[V2 H5 N3] the history in tables of version 1 can be read over HTTP without a join", async () => {
    const { room, messages, position } = await roomOfVersion1();

    const history = await request(roomPath(room, "/history?limit=500"));

    expect(await history.json()).toEqual({ messages, more: false, position: position(25) });
    expect(await infoOf(room)).toMatchObject({ members: 1, position: position(25) });
  });

  it("[V2 A3 G3] the old acts of tables of version 1 expire by the current rules", async () => {
    const rows = Array<number>(24).fill(500);
    const { room, ana } = await roomOfVersion1(rows, Date.now() - 2 * DEDUPLICATION_WINDOW_MS);
    const back = await join(room, { key: ana.key });
    const edge = 12_000 - DEDUPLICATION_WINDOW_ACTS;

    const answers = [
      await back.publish("chat", "old", { ref: edge }),
      await back.publish("chat", "kept", { ref: edge + 1 }),
      await back.publish("chat", "new", { ref: 12_001 }),
    ];

    expect(answers).toMatchObject([{ code: "stale_ref" }, { offset: edge + 1 }, { offset: 12_001 }]);
    expect((await dumpOf(room))["floor"]).toEqual([{ session: ana.session, ref: edge, head: 12_001 }]);
  });

  it("[V2 N4] tables of version 1 are deleted after the vacancy that their code had scheduled", async () => {
    const room = uniqueRoom();
    const key = randomKey();
    const by = await deriveIdentity(room, "", key);
    await inRoom(room, async ({ storage }) => {
      const emptySince = Date.now() - OPTIONS.emptyRoomTtlMs.default;
      storeVersion1(storage, { rows: [3], by, at: emptySince, emptySince });
      await storage.setAlarm(Date.now() + 60_000);
    });
    await evict(room);

    await runDurableObjectAlarm(roomStub(room) as DurableObjectStub).catch(() => undefined);

    expect(await tablesOf(room)).toEqual([]);
  });

  it("[V2 G2] tables of version 1 whose migration fails stay unchanged until a migration succeeds", async () => {
    const { room, ana, messages, position } = await roomOfVersion1();
    await inRoom(room, ({ storage }) => storage.sql.exec("CREATE TABLE floor (x)")); // makes the migration fail
    const before = await dumpOf(room);

    const refused = await upgrade(room, { key: ana.key });
    const after = await dumpOf(room);
    await inRoom(room, ({ storage }) => storage.sql.exec("DROP TABLE floor"));
    const back = await join(room, { key: ana.key, after: position(0) });
    await back.inbox.take("position");

    expect(refused.status).toBe(503);
    expect(after).toEqual(before);
    expect(back.inbox.messages).toEqual(messages);
  });

  it("[V2 G4 G9] tables of version 1 are migrated while connections are open, which stay in use", async () => {
    const room = uniqueRoom("chat");
    const [ana, bob] = [await join(room, { presence: "a" }), await joinSse(room)];
    await ana.publish("chat", 1);
    await inRoom(room, (state) => {
      downgrade(state.storage);
      for (const socket of state.getWebSockets()) {
        const { lane: _lane, ...record } = socket.deserializeAttachment() as Record<string, unknown>;
        socket.serializeAttachment(record);
      }
    });
    await evict(room);

    expect(await ana.publish("chat", 2)).toMatchObject({ type: "ack", offset: 2 });
    expect(await bob.publish("chat", 3)).toMatchObject({ type: "ack", offset: 3 });
    await bob.inbox.until((inbox) => inbox.messages.length === 3);
    expect(await infoOf(room)).toMatchObject({ members: 2, position: ana.position });
    expect(bob.inbox.messages).toEqual(ana.inbox.messages);
  });
});

describe("tables of a newer version", () => {
  /** A room as newer code left it, with a member connected over each transport. */
  async function newerRoom() {
    const room = uniqueRoom("chat");
    const [ana, bob, cem] = [await join(room), await joinSse(room), await join(room)];
    await ana.publish("chat", 1);
    await bob.inbox.take("message");
    await inRoom(room, ({ storage }) => {
      storage.sql.exec("UPDATE meta SET value = ? WHERE name = 'schema'", SCHEMA_VERSION + 1);
      storage.sql.exec("CREATE TABLE later (x INTEGER)");
      storage.sql.exec("INSERT INTO later VALUES (1)");
    });
    await evict(room);
    return { room, ana, bob, cem, before: await dumpOf(room) };
  }

  it("[V2 G1 J8 S7] with tables of a newer version joins are rejected with unavailable over either transport, and nothing is written", async () => {
    const { room, ana, before } = await newerRoom();

    const webSocket = await upgrade(room, { key: ana.key, after: ana.position });
    const events = await request(roomPath(room, "/events"));
    const stream = await openEvents(room);

    for (const response of [webSocket, events]) {
      expect(response.status).toBe(503);
      expect(response.headers.get("Retry-After")).not.toBeNull();
      expect(await response.json()).toMatchObject({ type: "error", code: "unavailable" });
    }
    expect(await stream.inbox.take("error")).toMatchObject({ code: "unavailable" });
    expect(await dumpOf(room)).toEqual(before);
  });

  it("[V2 G2 H1] with tables of a newer version POST acts and GET requests are rejected with unavailable, and nothing is written", async () => {
    const { room, ana, before } = await newerRoom();

    const answers = [
      await post(room, ana, { type: "publish", ref: 9, event: "chat" }),
      ...(await Promise.all(
        ["", "/history", "/members", "/state"].map((part) => request(roomPath(room, part))),
      )),
    ];

    expect(answers.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503]);
    expect(await dumpOf(room)).toEqual(before);
  });

  it("[V2 G2 C1] with tables of a newer version a connection that sends is closed with upgrade, and nothing is written", async () => {
    const { room, ana, cem, before } = await newerRoom();

    ana.send({ type: "publish", ref: 9, event: "chat" });
    cem.close(1000);

    expect(await ana.closed).toMatchObject({ code: 4004 });
    await cem.closed;
    expect(await dumpOf(room)).toEqual(before);
  });

  it("[V2 G10] with tables of a newer version a burst that makes the room pause disconnects no other member", async () => {
    const { room, ana, before } = await newerRoom();

    for (let ref = 1; ref <= 60; ref++) ana.send({ type: "publish", ref, event: "chat" });

    expect(await ana.closed).toMatchObject({ code: 4004 });
    await new Promise((resolve) => setTimeout(resolve, 100)); // longer than the pause
    expect(await inRoom(room, (state) => state.getWebSockets().length)).toBeGreaterThanOrEqual(2);
    expect(await dumpOf(room)).toEqual(before);
  });

  it("[V2 G6] with tables of a newer version the alarm only reschedules itself, and the room stays intact for newer code", async () => {
    const { room, ana, bob, before } = await newerRoom();
    const alarmOf = (): Promise<number | null> => inRoom(room, ({ storage }) => storage.getAlarm());

    for (let times = 0; times < 3; times++) {
      expect(await runDurableObjectAlarm(roomStub(room) as DurableObjectStub)).toBe(true);
      expect(await alarmOf()).toBeGreaterThan(Date.now());
    }
    expect(await dumpOf(room)).toEqual(before);

    await inRoom(room, ({ storage }) => {
      storage.sql.exec("UPDATE meta SET value = ? WHERE name = 'schema'", SCHEMA_VERSION);
    });
    await evict(room);
    expect(await ana.publish("chat", 2)).toMatchObject({ type: "ack", offset: 2 });
    await bob.inbox.until(({ messages }) => messages.length === 2);
    expect(await infoOf(room)).toMatchObject({ members: 3 });
  });
});
