import { describe, expect, it } from "vitest";
import { crash, evict, infoOf, uniqueRoom } from "../support/rooms.ts";
import { joinSse, post, type SseMember } from "../support/sse.ts";
import { refuseRows, stateOf } from "../support/state.ts";
import { join } from "../support/websocket.ts";

const PUBLISH = { type: "publish", event: "e", data: 1 };

function keyed(key: string): { readonly "Idempotency-Key": string } {
  return { "Idempotency-Key": key };
}

/** The data of the messages that a room has stored. */
async function stored(room: string): Promise<unknown[]> {
  const reader = await join(room, { query: { rewind: "1000" } });
  reader.send({ type: "history", ref: 1, limit: 500 });
  return (await reader.inbox.take("history")).messages.map(({ data }) => data);
}

describe("a POST with Idempotency-Key", () => {
  it.each([
    ["immediately", async () => undefined],
    ["after a sleep", (room: string) => evict(room)],
    ["after a crash", () => crash()],
  ])(
    "[H8 A3 G3] a POST repeated with its Idempotency-Key takes effect once, and has the first response: %s",
    async (_how, between) => {
      const room = uniqueRoom();
      const bob = await joinSse(room);
      const first = await bob.post(PUBLISH, keyed("one"));

      await between(room);
      const again = await post(room, bob, PUBLISH, keyed("one"));

      expect(first).toMatchObject({ status: 200, body: { type: "ack", offset: 1 } });
      expect(first.body).not.toHaveProperty("ref");
      expect(again).toMatchObject({ status: 200, body: first.body as object });
      expect(again.body).toEqual(first.body);
      expect(await stored(room)).toEqual([1]);
    },
  );

  it("[H8 H1] a repeated POST has its first response even if its session is no longer a member", async () => {
    const room = uniqueRoom();
    const bob = await join(room);
    const first = await post(room, bob, [PUBLISH, { type: "set", set: { k: 1 } }], keyed("one"));
    bob.send({ type: "leave" });
    await bob.closed;

    expect(await post(room, bob, [PUBLISH, { type: "set", set: { k: 1 } }], keyed("one"))).toMatchObject({
      status: 200,
      body: first.body as object,
    });
    expect((await post(room, bob, PUBLISH, keyed("another"))).body).toMatchObject({ code: "not_joined" });
  });

  it("[H8 F1] each act of a repeated array takes effect once, by its index", async () => {
    const room = uniqueRoom();
    const bob = await joinSse(room);
    const acts = [
      { ...PUBLISH, data: "a" },
      { ...PUBLISH, data: "a" },
      { type: "set", set: { k: 1 }, if: { k: 0 } },
    ];

    const first = await bob.post(acts, keyed("one"));
    const again = await bob.post(acts, keyed("one"));

    expect(first.body).toEqual([
      { type: "ack", offset: 1 },
      { type: "ack", offset: 2 },
      { type: "ack", offset: 3 },
    ]);
    expect(again.body).toEqual(first.body);
    expect(await stored(room)).toEqual(["a", "a"]);
    expect((await stateOf(room)).shared).toEqual(new Map([["k", [1, 3]]]));
  });

  it("[H8 A3] acts with refs in an array are deduplicated by their refs, at any index", async () => {
    const room = uniqueRoom();
    const bob = await joinSse(room);
    await bob.post(
      [
        { ...PUBLISH, ref: 7, data: "seven" },
        { ...PUBLISH, data: "place" },
      ],
      keyed("one"),
    );

    const again = await bob.post(
      [
        { ...PUBLISH, data: "no twin stood here" },
        { ...PUBLISH, data: "place" },
        { ...PUBLISH, ref: 7, data: "seven" },
      ],
      keyed("one"),
    );
    const other = await bob.post({ ...PUBLISH, ref: 7 }, keyed("other"));

    expect(again.body).toEqual([
      { type: "ack", offset: 3 },
      { type: "ack", offset: 2 },
      { type: "ack", ref: 7, offset: 1 },
    ]);
    expect(other.body).toEqual({ type: "ack", ref: 7, offset: 1 });
    expect(await stored(room)).toEqual(["seven", "place", "no twin stood here"]);
  });

  it("[H8 G3] a POST with another Idempotency-Key, or without one, is not deduplicated", async () => {
    const room = uniqueRoom();
    const bob = await joinSse(room);

    const offsets: unknown[] = [];
    for (const headers of [keyed("one"), keyed("One"), {}, {}, keyed("one")]) {
      offsets.push(((await bob.post(PUBLISH, headers)).body as { offset: number }).offset);
    }

    expect(offsets).toEqual([1, 2, 3, 4, 1]);
  });

  it("[H8 G12] a POST of another session or in another room is not deduplicated", async () => {
    const [room, other] = [uniqueRoom(), uniqueRoom()];
    const [ana, bob] = [await joinSse(room), await joinSse(room)];
    const there = await joinSse(other, { key: ana.key });

    const offsets = await Promise.all(
      [ana, bob, there].map(async (member: SseMember) => (await member.post(PUBLISH, keyed("one"))).body),
    );

    expect((offsets as { offset: number }[]).map(({ offset }) => offset).toSorted((a, b) => a - b)).toEqual([
      1, 1, 2,
    ]);
    expect(await stored(room)).toHaveLength(2);
  });

  it("[H8 G3] concurrent POSTs with the same Idempotency-Key take effect once", async () => {
    const room = uniqueRoom();
    const bob = await joinSse(room);

    const answers = await Promise.all([1, 2, 3, 4].map(() => bob.post(PUBLISH, keyed("one"))));

    expect(answers.map(({ body }) => body)).toEqual(Array(4).fill({ type: "ack", offset: 1 }));
    expect(await stored(room)).toEqual([1]);
  });

  it("[H8 A3] a repeated POST whose act was rejected can take effect, because rejections are not stored", async () => {
    const room = uniqueRoom();
    const bob = await joinSse(room);
    await bob.post({ type: "set", set: { k: 1 } });
    const act = { type: "set", set: { k: 2 }, if: { k: 2 } };

    expect(await bob.post(act, keyed("one"))).toMatchObject({ status: 409, body: { code: "conflict" } });
    await bob.post({ type: "set", set: { k: 1 } });
    expect(await bob.post(act, keyed("one"))).toMatchObject({ status: 200, body: { offset: 3 } });
    expect(await bob.post(act, keyed("one"))).toMatchObject({ status: 200, body: { offset: 3 } });
  });

  it("[H8 A2 G2] a repeated POST whose act could not be stored takes effect", async () => {
    const room = uniqueRoom();
    const bob = await joinSse(room);
    const accept = await refuseRows(room, "segment");
    const refused = await bob.post([PUBLISH, PUBLISH], keyed("one"));
    await accept();

    expect(refused.body).toMatchObject([{ code: "unavailable" }, { code: "unavailable" }]);
    expect((refused.body as object[])[0]).not.toHaveProperty("ref");
    expect((await bob.post([PUBLISH, PUBLISH], keyed("one"))).body).toMatchObject([
      { offset: 1 },
      { offset: 2 },
    ]);
  });

  it("[H8] the index of an act in an array is not confused with a ref of the session", async () => {
    const room = uniqueRoom();
    const bob = await joinSse(room);

    await bob.post(PUBLISH, keyed("one"));

    expect((await bob.post({ ...PUBLISH, ref: 1, data: 2 })).body).toEqual({
      type: "ack",
      ref: 1,
      offset: 2,
    });
    expect(await stored(room)).toEqual([1, 2]);
  });
});

describe("the header Idempotency-Key", () => {
  it.each([
    ["1 character", "x"],
    ["255 characters", "x".repeat(255)],
    ["the characters of a UUID", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"],
    ["quotes and spaces", '"a, b"'],
  ])("[H8] an Idempotency-Key can have %s", async (_what, key) => {
    const bob = await joinSse(uniqueRoom());

    expect((await bob.post(PUBLISH, keyed(key))).body).toEqual({ type: "ack", offset: 1 });
    expect((await bob.post(PUBLISH, keyed(key))).body).toEqual({ type: "ack", offset: 1 });
  });

  it.each([
    ["empty", ""],
    ["blank", "  "],
    ["256 characters long", "x".repeat(256)],
  ])(
    "[H8 E1] a POST is rejected with bad_request and takes no effect if its Idempotency-Key is %s",
    async (_what, key) => {
      const room = uniqueRoom();
      const bob = await joinSse(room);

      expect(await bob.post(PUBLISH, keyed(key))).toMatchObject({
        status: 400,
        body: { code: "bad_request" },
      });
      expect(await infoOf(room)).toMatchObject({ position: bob.position });
    },
  );
});
