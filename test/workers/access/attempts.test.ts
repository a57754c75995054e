import { describe, expect, it } from "vitest";
import { randomKey } from "../../../src/protocol/ids.ts";
import type { ErrorFrame } from "../../../src/protocol/frames.ts";
import type { Member } from "../../support/member.ts";
import { crash, evict, infoOf, inRoom, request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { joinSse, openEvents, post } from "../support/sse.ts";
import { join, joinWebSocket, type WebSocketMember } from "../support/websocket.ts";

/** A query with the number of an attempt. */
function numbered(attempt: number | string): { readonly try: string } {
  return { try: String(attempt) };
}

/** Joins with an attempt number, over either transport. Resolves once the member has its welcome. */
const JOINS = [
  [
    "WebSocket",
    (room: string, key: string, attempt: number) => join(room, { key, query: numbered(attempt) }),
  ],
  ["SSE", (room: string, key: string, attempt: number) => joinSse(room, { key, query: numbered(attempt) })],
] as const;

const AWAKE_OR_ASLEEP: readonly [how: string, between: (room: string) => Promise<void>][] = [
  ["awake", async () => undefined],
  ["asleep", evict],
];

/** Joins with an old attempt number. Resolves with the rejection once the connection is closed. */
async function joinTooLate(room: string, key: string, attempt: number): Promise<ErrorFrame> {
  const late = await joinWebSocket(room, { key, query: numbered(attempt) });
  const error = await late.inbox.take("error");
  expect(await late.closed).toMatchObject({ code: 4008 });
  return error;
}

/** Sends an act by POST for the connection with this attempt number. */
async function postFor(room: string, as: Member, attempt: number | string, act: object): Promise<unknown> {
  const { body } = await post(room, { session: as.session, key: `${as.key}.${attempt}` }, act);
  return body;
}

/** Loses a connection as a network does. Resolves once the room has noticed. */
async function lose(member: WebSocketMember): Promise<void> {
  member.close(3000);
  await member.closed;
}

describe.each(JOINS)("a connection over %s", (_transport, joinNumbered) => {
  it.each(AWAKE_OR_ASLEEP)(
    "[J11 J8 G9] a connection is not replaced by an older attempt of its client that arrives late, in a room that is %s",
    async (_how, between) => {
      const [room, key] = [uniqueRoom(), randomKey()];
      const bob = await join(room);
      const ana = await joinNumbered(room, key, 8);
      await between(room);

      const error = await joinTooLate(room, key, 7);

      expect(error).toMatchObject({ code: "superseded", try: 8 });
      expect(await ana.publish("chat", "still here")).toMatchObject({ offset: 1 });
      await bob.inbox.take("message");
      expect(bob.inbox.all.map(({ type }) => type)).toEqual(["welcome", "presence", "message"]);
      expect(await infoOf(room)).toMatchObject({ members: 2 });
    },
  );

  it.each(AWAKE_OR_ASLEEP)(
    "[J11 J5] a connection is replaced by a newer attempt, and by the same attempt again, in a room that is %s",
    async (_how, between) => {
      const [room, key] = [uniqueRoom(), randomKey()];
      const first = await joinNumbered(room, key, 8);
      await between(room);

      const again = await joinNumbered(room, key, 8);
      const newer = await joinNumbered(room, key, 9);

      expect(await first.closed).toMatchObject({ code: 4504 });
      expect(await again.closed).toMatchObject({ code: 4504 });
      expect(await newer.welcome()).toMatchObject({ try: 9, count: 1 });
    },
  );
});

describe("a late attempt", () => {
  it("[J11 S7] a late attempt over SSE gets the error and a retry time, or 409 if it does not read events", async () => {
    const [room, key] = [uniqueRoom(), randomKey()];
    await join(room, { key, query: numbered(8) });

    const events = await openEvents(room, { key, query: numbered(7) });
    const plain = await request(roomPath(room, `/events?key=${key}&try=7`));

    expect(await events.inbox.take("error")).toMatchObject({ code: "superseded", try: 8 });
    expect(await events.ended).toBe(true);
    expect(events.stream.lastEventId).toBe("");
    expect(plain.status).toBe(409);
    expect(await plain.json()).toMatchObject({ code: "superseded", try: 8 });
  });

  it("[J11 M4] a late attempt is rejected while its member's connection is lost, and after the member has left", async () => {
    const [room, key] = [uniqueRoom("chat"), randomKey()]; // which has a grace
    const bob = await join(room);
    const ana = await join(room, { key, query: numbered(8) });
    await lose(ana);

    expect(await joinTooLate(room, key, 7)).toMatchObject({ try: 8 });
    const back = await join(room, { key, query: numbered(9) });
    await back.act({ type: "leave" });
    expect(await joinTooLate(room, key, 8)).toMatchObject({ try: 9 });

    await bob.inbox.until(({ all }) => all.filter(({ type }) => type === "presence").length === 2);
    expect(bob.inbox.all.at(-1)).toMatchObject({ left: [{ id: ana.member, reason: "left" }], count: 1 });
  });

  it.each<[string, (room: string, ana: WebSocketMember) => Promise<void>]>([
    ["has slept since", (room, ana) => lose(ana).then(() => evict(room))],
    ["has crashed since", (room, ana) => lose(ana).then(crash)],
    ["has lost the connection by a crash", () => crash()],
  ])(
    "[J11 H9 M4 G6] a late attempt and its leave are rejected during the grace of its member, in a room that %s",
    async (_what, fail) => {
      const [room, key] = [uniqueRoom("chat"), randomKey()]; // which has a grace
      const ana = await join(room, { key, query: numbered(8) });
      await ana.welcome();
      await fail(room, ana);

      expect(await joinTooLate(room, key, 7)).toMatchObject({ try: 8 });
      expect(await postFor(room, ana, 7, { type: "leave" })).toMatchObject({ code: "superseded", try: 8 });
      expect(await postFor(room, ana, 8, { type: "presence", data: "here" })).toMatchObject({ type: "ack" });
      await evict(room);
      expect(await joinTooLate(room, key, 7)).toMatchObject({ try: 8 });
      expect(await infoOf(room)).toMatchObject({ members: 1 });
      expect(await postFor(room, ana, 8, { type: "leave" })).toMatchObject({ type: "ack" });
      expect(await infoOf(room)).toMatchObject({ members: 0 });
      expect(await joinTooLate(room, key, 7)).toMatchObject({ try: 8 });
    },
  );

  it("[J11 J5 G6] a late attempt is compared with the connection that was lost last, although its join wrote no row", async () => {
    const [room, key] = [uniqueRoom("chat"), randomKey()]; // which has a grace
    await join(room, { key, query: numbered(8) });
    const ana = await join(room, { key, query: numbered(9) });
    await ana.welcome();
    await evict(room);
    await lose(ana);
    await evict(room);

    expect(await joinTooLate(room, key, 8)).toMatchObject({ try: 9 });
  });

  it("[J11 M4] a late attempt is rejected during the grace of its member, however many other members are in grace", async () => {
    const [room, key] = [uniqueRoom("chat"), randomKey()]; // which has a grace
    const ana = await join(room, { key, query: numbered(8) });
    await lose(ana);
    await inRoom(room, ({ storage }) =>
      storage.sql.exec(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)
        INSERT INTO member (id, session, user, graceUntil, attempt)
        SELECT '~' || i, '~' || i, '', (SELECT graceUntil FROM member), 5 FROM n`,
      ),
    );
    await evict(room);

    expect(await joinTooLate(room, key, 7)).toMatchObject({ try: 8 });
    expect(await infoOf(room)).toMatchObject({ members: 1101 });
  });

  it("[J11 J10] attempts of a view-only connection are ordered in the same way", async () => {
    const [room, key] = [uniqueRoom(), randomKey()];
    const watcher = await join(room, { key, query: { view: "1", ...numbered(8) } });

    const late = await joinWebSocket(room, { key, query: { view: "1", ...numbered(7) } });

    expect(await late.inbox.take("error")).toMatchObject({ code: "superseded" });
    const bob = await join(room);
    await bob.publish("chat", 1);
    expect(await watcher.inbox.take("message")).toMatchObject({ event: "chat" });
  });

  it("[J11] an attempt of another session with the same numbers is not late", async () => {
    const room = uniqueRoom();
    await join(room, { query: numbered(8) });

    expect(await (await join(room, { query: numbered(7) })).welcome()).toMatchObject({ try: 7, count: 2 });
  });

  it("[J11 G9] a late attempt that a hibernating room accepted beside a newer one is closed", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const newer = await join(room, { query: numbered(9) });
    const older = await join(room, { query: numbered(8) });
    // As if the older client had joined while the room did not know the newer connection.
    await inRoom(room, (state) => {
      const sockets = state.getWebSockets().map((socket) => ({
        socket,
        record: socket.deserializeAttachment() as Record<string, unknown>,
      }));
      const of = (member: string) => sockets.find(({ record }) => record["member"] === member);
      const { session, member } = of(newer.member)?.record ?? {};
      const late = of(older.member);
      const joinedAt = Number(late?.record["joinedAt"]) + 1;
      late?.socket.serializeAttachment({ ...late.record, session, member, joinedAt });
    });
    await evict(room);

    await ana.publish("mark", 1);

    expect(await newer.inbox.take("message")).toMatchObject({ offset: 1 });
    expect(await older.closed).toMatchObject({ code: 4504 });
  });
});

describe("the number of an attempt", () => {
  it("[J11 J3] the attempt number behind a key wins over the query's", async () => {
    const [room, key] = [uniqueRoom(), randomKey()];
    const protocols = ["parlor.v1", `resume.${key}.12`];

    const ana = await join(room, { protocols, query: numbered(3) });

    expect(await ana.welcome()).toMatchObject({ key, try: 12 });
  });

  it.each(["x", "-1", "1.5", "1e3", "9007199254740992", "99999999999999999"])(
    "[J11 J7 H9] the attempt number %j is bad_request in a query and behind a key, and bad_session with a POST",
    async (attempt) => {
      const [room, key] = [uniqueRoom(), randomKey()];
      const inQuery = await joinWebSocket(room, { key, query: { try: attempt } });
      const behind = await joinWebSocket(room, { protocols: ["parlor.v1", `resume.${key}.${attempt}`] });
      const ana = await join(room);

      expect(await inQuery.inbox.take("error")).toMatchObject({ code: "bad_request" });
      expect(await behind.inbox.take("error")).toMatchObject({ code: "bad_request" });
      const answer = await postFor(room, ana, attempt, { type: "leave" });
      expect(answer).toMatchObject({ code: "bad_session" });
    },
  );

  it("[J11 J7] an attempt number without a value counts as absent in a query, and is bad_request behind a key", async () => {
    const [room, key] = [uniqueRoom(), randomKey()];

    const inQuery = await join(room, { query: { try: "" } });
    const behind = await joinWebSocket(room, { protocols: ["parlor.v1", `resume.${key}.`] });

    expect((await inQuery.welcome()).try).toBeGreaterThan(0);
    expect(await behind.inbox.take("error")).toMatchObject({ code: "bad_request" });
  });

  it("[J11 J5] the room gives a connection without an attempt number one above every known number", async () => {
    const [room, key] = [uniqueRoom(), randomKey()];
    const far = Date.now() + 1_000_000_000;
    const counting = await join(room, { key, query: numbered(far) });

    const first = await join(room, { key });
    const second = await joinSse(room, { key });

    expect(await counting.closed).toMatchObject({ code: 4504 });
    expect(await first.closed).toMatchObject({ code: 4504 });
    expect([(await first.welcome()).try, (await second.welcome()).try]).toEqual([far + 1, far + 2]);
    expect(await joinTooLate(room, key, far + 1)).toMatchObject({ try: far + 2 });
  });

  it("[J11] the largest attempt number locks nobody out", async () => {
    const [room, key] = [uniqueRoom(), randomKey()];
    const largest = Number.MAX_SAFE_INTEGER;
    const first = await join(room, { key, query: numbered(largest) });

    const uncounted = await join(room, { key });
    const again = await join(room, { key, query: numbered(largest) });

    expect(await first.closed).toMatchObject({ code: 4504 });
    expect(await uncounted.closed).toMatchObject({ code: 4504 });
    expect((await again.welcome()).try).toBe(largest);
  });
});

describe("a POST that names an older connection than its session's newest", () => {
  it.each(AWAKE_OR_ASLEEP)(
    "[H9 A6] the leave of a POST for an older connection does not end the newer one, in a room that is %s",
    async (_how, between) => {
      const [room, key] = [uniqueRoom(), randomKey()];
      const page = await joinSse(room, { key, query: numbered(8) });
      const reloaded = await join(room, { key, query: numbered(9) });
      await between(room);

      const answer = await postFor(room, page, 8, { type: "leave", ref: 5 });

      expect(answer).toMatchObject({ type: "error", ref: 5, code: "superseded", try: 9 });
      expect(await reloaded.publish("chat", "still here")).toMatchObject({ offset: 1 });
      expect(await infoOf(room)).toMatchObject({ members: 1 });
    },
  );

  it("[H9 A6] the leave of a POST for a connection that the room does not know does not end the newest one", async () => {
    const room = uniqueRoom();
    const ana = await join(room, { query: numbered(8) });

    expect(await postFor(room, ana, 9, { type: "leave" })).toMatchObject({ code: "superseded", try: 8 });
    expect(await ana.publish("chat", "still here")).toMatchObject({ offset: 1 });
  });

  it("[H9 A5] a POST for an older connection does not change presence data of the newer one", async () => {
    const [room, key] = [uniqueRoom(), randomKey()];
    const page = await joinSse(room, { key, query: numbered(8) });
    const reloaded = await join(room, { key, presence: "new", query: numbered(9) });

    const answer = await postFor(room, page, 8, { type: "presence", data: "old" });

    expect(answer).toMatchObject({ code: "superseded" });
    const bob = await join(room);
    const { members } = await bob.welcome();
    expect(members).toContainEqual({ id: reloaded.member, data: "new" });
  });

  it("[H9 A1 T1] a POST for an older connection still publishes and sets, because these acts belong to the session", async () => {
    const [room, key] = [uniqueRoom(), randomKey()];
    const page = await joinSse(room, { key, query: numbered(8) });
    const reloaded = await join(room, { key, query: numbered(9) });

    expect(await postFor(room, page, 8, { type: "publish", event: "chat" })).toMatchObject({ offset: 1 });
    expect(await postFor(room, page, 8, { type: "set", set: { a: 1 } })).toMatchObject({ offset: 2 });
    expect(await reloaded.inbox.take("message")).toMatchObject({ event: "chat" });
  });

  it("[H9 L2] a POST for an older connection is rejected, but does not count as abuse", async () => {
    const [room, key] = [uniqueRoom(), randomKey()];
    const page = await joinSse(room, { key, query: numbered(8) });
    const reloaded = await join(room, { key, query: numbered(9) });
    const leaves = Array.from({ length: 60 }, () => ({ type: "leave" }));

    await postFor(room, page, 8, leaves); // more than half of maxRefusals, which would mute the client

    expect(await reloaded.act({ type: "presence", data: 1 })).toMatchObject({ type: "ack" });
  });
});

describe("a POST that names its session's newest connection, or none", () => {
  it.each([".8", ""])(
    "[H9 A6 M2] the leave of a POST for the newest connection, or for none, ends it: %j",
    async (suffix) => {
      const [room, key] = [uniqueRoom(), randomKey()];
      const bob = await join(room);
      const ana = await joinSse(room, { key, query: numbered(8) });

      const { body } = await post(room, { session: ana.session, key: key + suffix }, { type: "leave" });

      expect(body).toMatchObject({ type: "ack" });
      expect(await ana.closed).toMatchObject({ code: 4507 });
      await bob.inbox.until(({ all }) => all.length === 3);
      expect(bob.inbox.all.at(-1)).toMatchObject({ left: [{ id: ana.member, reason: "left" }] });
    },
  );

  it("[H9 M4 G6] the leave of a POST ends a membership after a crash, although the row has an older connection's number", async () => {
    const [room, key] = [uniqueRoom("chat"), randomKey()]; // which has a grace
    await join(room, { key, query: numbered(8) });
    const ana = await join(room, { key, query: numbered(9) });
    await ana.welcome();
    await crash();

    expect(await postFor(room, ana, 7, { type: "leave" })).toMatchObject({ code: "superseded", try: 8 });
    expect(await postFor(room, ana, 9, { type: "leave" })).toMatchObject({ type: "ack" });
    expect(await infoOf(room)).toMatchObject({ members: 0 });
  });

  it("[H9 M4] the leave of a POST ends a membership whose connection is lost, unless it names an older connection", async () => {
    const [room, key] = [uniqueRoom("chat"), randomKey()]; // which has a grace
    const ana = await join(room, { key, query: numbered(8) });
    await ana.welcome();
    await lose(ana);

    expect(await postFor(room, ana, 7, { type: "leave" })).toMatchObject({ code: "superseded" });
    expect(await infoOf(room)).toMatchObject({ members: 1 });
    expect(await postFor(room, ana, 8, { type: "leave" })).toMatchObject({ type: "ack" });
    expect(await infoOf(room)).toMatchObject({ members: 0 });
  });
});
