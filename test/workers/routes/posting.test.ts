import { describe, expect, it } from "vitest";
import { deriveIdentity, randomKey } from "../../../src/protocol/ids.ts";
import { infoOf, request, roomPath, tablesOf, uniqueRoom } from "../support/rooms.ts";
import { joinSse, post } from "../support/sse.ts";
import { join } from "../support/websocket.ts";

const PUBLISH = { type: "publish", ref: 1, event: "e", data: 1 };

describe("the sender of a POST", () => {
  it("[H1 G5] an act of an SSE member by POST reaches all members", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await joinSse(room)];

    const published = await bob.post(PUBLISH);
    const message = await bob.post({ type: "presence", ref: 2, data: "here" });

    expect(published).toMatchObject({ status: 200, body: { type: "ack", ref: 1, offset: 1 } });
    expect(message).toMatchObject({ status: 200, body: { type: "ack", ref: 2 } });
    expect(await ana.inbox.take("message")).toMatchObject({ offset: 1, from: bob.member });
    expect(await bob.inbox.take("message")).toMatchObject({ offset: 1, from: bob.member });
    expect(await ana.inbox.take("presence", (frame) => frame.updated !== undefined)).toMatchObject({
      updated: [{ id: bob.member, data: "here" }],
    });
  });

  it.each([
    ["no value", () => undefined],
    ["an empty value", () => ""],
    ["a session alone", (session: string) => session],
    ["a session and an empty key", (session: string) => `${session}.`],
    ["a key alone", (_session: string, key: string) => `.${key}`],
    ["another key", (session: string) => `${session}.${randomKey()}`],
    ["another session", (_session: string, key: string) => `${randomKey()}.${key}`],
    ["an additional part", (session: string, key: string) => `${session}.${key}.x`],
    ["a malformed key", (session: string, key: string) => `${session}.${key.slice(1)}`],
  ])("[H1 G12] a POST is rejected with bad_session if its session header has %s", async (_what, headerOf) => {
    const room = uniqueRoom();
    const ana = await join(room);
    const header = headerOf(ana.session, ana.key);

    const response = await request(roomPath(room, "/messages"), {
      method: "POST",
      headers: header === undefined ? {} : { "Parlor-Session": header },
      body: JSON.stringify(PUBLISH),
    });

    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ type: "error", code: "bad_session" });
    expect(await infoOf(room)).toMatchObject({ position: expect.stringMatching(/:0$/) });
  });

  it("[H1 G12 J4] a session of one room cannot act in another room", async () => {
    const [ana, other] = [await join(uniqueRoom()), uniqueRoom()];
    const bob = await join(other);

    expect(await post(other, ana, PUBLISH)).toMatchObject({ status: 403, body: { code: "bad_session" } });
    expect(bob.inbox.messages).toEqual([]);
  });

  it("[H1 N3] a POST of a session that never joined is rejected with not_joined, and creates nothing", async () => {
    const [room, key] = [uniqueRoom(), randomKey()];
    const { session } = await deriveIdentity(room, "", key);

    for (const act of [
      PUBLISH,
      { ...PUBLISH, volatile: true, ref: undefined },
      { type: "presence" },
      { type: "leave" },
    ]) {
      expect(await post(room, { session, key }, act)).toMatchObject({
        status: 409,
        body: { code: "not_joined" },
      });
    }
    expect(await tablesOf(room)).toEqual([]);
  });

  it("[H1] a POST of a session whose connection was closed is rejected with not_joined", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await joinSse(room)];
    bob.vanish();
    await ana.inbox.take("presence", (frame) => frame.left !== undefined);

    expect(await bob.post(PUBLISH)).toMatchObject({ status: 409, body: { code: "not_joined", ref: 1 } });
  });

  it("[H1 G5] a WebSocket member can also act by POST", async () => {
    const room = uniqueRoom();
    const ana = await join(room);

    expect(await post(room, ana, PUBLISH)).toMatchObject({ body: { ref: 1, offset: 1 } });
    expect(await ana.inbox.take("message")).toMatchObject({ offset: 1 });
  });
});

describe("responses to a POST", () => {
  it.each([
    ["a recorded publish", { type: "publish", event: "e" }, { type: "ack", offset: 1 }],
    ["a volatile publish", { type: "publish", event: "e", volatile: true }, { type: "ack" }],
    ["a presence update", { type: "presence", data: 1 }, { type: "ack" }],
    ["a leave", { type: "leave" }, { type: "ack" }],
  ])(
    "[H2] the response to %s without a ref is 200 and an ack without a ref",
    async (_what, act, expected) => {
      const bob = await joinSse(uniqueRoom());

      expect(await bob.post(act)).toMatchObject({ status: 200, body: expected });
      expect((await bob.post(act)).body).not.toHaveProperty("ref");
    },
  );

  it.each([
    ["a body that is not JSON", "{", 400, "bad_frame"],
    ["an empty body", "", 400, "bad_frame"],
    ["an unknown type", '{"type":"nonsense"}', 400, "unknown_type"],
    ["an empty array", "[]", 400, "bad_frame"],
    ["65 items", JSON.stringify(Array.from({ length: 65 }, () => PUBLISH)), 400, "too_many_items"],
    [
      "large presence data",
      JSON.stringify({ type: "presence", data: "x".repeat(1_100) }),
      413,
      "presence_too_large",
    ],
  ])(
    "[H2 E1] the response to a rejected body has the error's status: %s",
    async (_what, body, status, code) => {
      const bob = await joinSse(uniqueRoom());

      expect(await bob.post(body)).toMatchObject({
        status,
        body: { type: "error", code, message: expect.any(String) },
      });
    },
  );

  it("[H2 F1] the response to an array is 200 and an array with one result per act, in the same order", async () => {
    const bob = await joinSse(uniqueRoom());

    const answer = await bob.post([
      PUBLISH,
      { type: "publish", ref: 2, event: "" },
      { type: "presence", ref: 3, data: 1 },
      "no object",
      { type: "publish", event: "v", volatile: true },
      PUBLISH,
      { type: "publish", event: "e" },
    ]);

    expect(answer).toMatchObject({
      status: 200,
      body: [
        { type: "ack", ref: 1, offset: 1 },
        { type: "error", ref: 2, code: "bad_frame" },
        { type: "ack", ref: 3 },
        { type: "error", code: "bad_frame" },
        { type: "ack" },
        { type: "ack", ref: 1, offset: 1 },
        { type: "ack", offset: 2 },
      ],
    });
    expect(answer.body).toHaveLength(7);
  });

  it("[H2] the response to an array of one act is an array of one result", async () => {
    const bob = await joinSse(uniqueRoom());

    expect(await bob.post(` \n[${JSON.stringify(PUBLISH)}]`)).toMatchObject({
      status: 200,
      body: [{ ref: 1, offset: 1 }],
    });
  });

  it("[H3] acks and errors of a POST are in its response and nowhere else", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await joinSse(room)];

    await bob.post([PUBLISH, { type: "publish", ref: 2, event: "" }]);
    await post(room, ana, [PUBLISH, { type: "nonsense" }]);
    await bob.inbox.until(({ messages }) => messages.length === 2);

    expect(bob.inbox.all.map(({ type }) => type)).toEqual(["welcome", "message", "message"]);
    expect(ana.inbox.all.map(({ type }) => type)).toEqual(["welcome", "presence", "message", "message"]);
  });

  it("[A6 H2] an array of acts can end with a leave", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await joinSse(room)];

    const { body } = await bob.post([PUBLISH, { type: "leave" }, { ...PUBLISH, ref: 2 }]);

    expect(body).toMatchObject([
      { type: "ack", offset: 1 },
      { type: "ack" },
      { type: "error", ref: 2, code: "not_joined" },
    ]);
    expect(await ana.inbox.take("message")).toMatchObject({ offset: 1 });
    expect(await infoOf(room)).toMatchObject({ members: 1 });
  });
});

describe("the body of a POST", () => {
  const bodyOf = (bytes: number): string =>
    `{"type":"publish","ref":1,"event":"e","data":"${"x".repeat(bytes - 48)}"}`;

  it("[H1 F3] a body of maxFrameBytes is accepted, and one byte more is rejected with 413", async () => {
    const bob = await joinSse(uniqueRoom());
    expect(bodyOf(65_536)).toHaveLength(65_536);

    expect(await bob.post(bodyOf(65_536))).toMatchObject({ status: 200, body: { offset: 1 } });
    expect(await bob.post(bodyOf(65_537))).toMatchObject({ status: 413, body: { code: "frame_too_large" } });
  });

  it("[F3 G10] a body without Content-Length is read only up to the limit", async () => {
    const room = uniqueRoom();
    const bob = await joinSse(room);
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled += 16_384;
        controller.enqueue(new Uint8Array(16_384).fill(0x20));
        if (pulled > 4_194_304) controller.close();
      },
    });

    const response = await request(roomPath(room, "/messages"), {
      method: "POST",
      headers: { "Parlor-Session": `${bob.session}.${bob.key}` },
      body,
    });

    expect(response.status).toBe(413);
    expect(pulled).toBeLessThan(1_048_576);
  });

  it("[H1 F2] a body that is not valid UTF-8 is rejected with bad_frame", async () => {
    const room = uniqueRoom();
    const bob = await joinSse(room);
    const [before, after] = ['{"type":"publish","event":"e","data":"', '"}'].map((text) =>
      new TextEncoder().encode(text),
    );

    const response = await request(roomPath(room, "/messages"), {
      method: "POST",
      headers: { "Parlor-Session": `${bob.session}.${bob.key}` },
      body: new Uint8Array([...(before ?? []), 0xff, ...(after ?? [])]),
    });

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "bad_frame" });
    expect(bob.inbox.messages).toEqual([]);
  });
});
