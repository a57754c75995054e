import { describe, expect, it } from "vitest";
import { uniqueRoom } from "../support/rooms.ts";
import { join } from "../support/websocket.ts";

const MAX_FRAME_BYTES = 65_536;

/** A publish whose frame has exactly this many bytes of UTF-8, mostly in characters of three bytes. */
function frameOf(bytes: number): string {
  const [before, after] = ['{"type":"publish","ref":1,"event":"e","data":"', '"}'];
  const room = bytes - before.length - after.length;
  return `${before}${"中".repeat(Math.floor(room / 3))}${"x".repeat(room % 3)}${after}`;
}

describe("items of a frame", () => {
  it("[F1] an array of 64 messages is one frame of 64", async () => {
    const ana = await join(uniqueRoom());

    ana.send(Array.from({ length: 64 }, (_, index) => ({ type: "publish", ref: index + 1, event: "e" })));
    await ana.inbox.until(({ all }) => all.filter(({ type }) => type === "ack").length === 64);

    expect(ana.inbox.texts).toHaveLength(2);
    expect(ana.inbox.messages.map(({ offset }) => offset)).toEqual(
      Array.from({ length: 64 }, (_, index) => index + 1),
    );
  });

  it("[F1] an array of 65 messages is rejected as a whole", async () => {
    const ana = await join(uniqueRoom());

    const answer = await ana.ask(Array.from({ length: 65 }, () => ({ type: "publish", event: "e" })));

    expect(answer).toMatchObject({ type: "error", code: "too_many_items" });
    expect(await ana.publish("e", 1)).toMatchObject({ offset: 1 });
  });

  it("[F1] a rejected item does not stop the next", async () => {
    const ana = await join(uniqueRoom());

    ana.send([
      { type: "publish", ref: 1, event: "e" },
      { type: "publish", ref: 2, event: "" },
      "no object",
      { type: "nonsense", ref: 3 },
      { type: "publish", ref: 4, event: "e" },
    ]);
    await ana.inbox.until(
      ({ all }) => all.filter(({ type }) => type === "ack" || type === "error").length === 5,
    );

    const answers = ana.inbox.all.filter((frame) => frame.type === "ack" || frame.type === "error");
    expect(answers).toHaveLength(5);
    expect(answers).toEqual(
      expect.arrayContaining([
        { type: "ack", ref: 1, offset: 1 },
        { type: "ack", ref: 4, offset: 2 },
        expect.objectContaining({ type: "error", ref: 2, code: "bad_frame" }),
        expect.objectContaining({ type: "error", ref: 3, code: "unknown_type" }),
      ]),
    );
  });

  it("[F1] a frame of one message from the server is an object", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];

    ana.send({ type: "publish", event: "e" });
    await bob.inbox.take("message");

    expect(bob.inbox.texts.at(-1)).toMatch(/^\{/);
  });
});

describe("rejected frames", () => {
  it.each([
    ["text that is not JSON", "{", "bad_frame"],
    ["an empty frame", "", "bad_frame"],
    ["a number", "1", "bad_frame"],
    ["null", "null", "bad_frame"],
    ["an empty array", "[]", "bad_frame"],
    ["an array of arrays", "[[]]", "bad_frame"],
    ["no type", "{}", "unknown_type"],
    ["an unknown type", '{"type":"nonsense"}', "unknown_type"],
    ["a type of another case", '{"type":"Set","set":{"k":1}}', "unknown_type"],
    ["a type inherited by objects", '{"type":"constructor"}', "unknown_type"],
    ["no event", '{"type":"publish"}', "bad_frame"],
    ["a ref of zero", '{"type":"publish","event":"e","ref":0}', "bad_frame"],
    [
      "a nesting of 65",
      `{"type":"publish","event":"e","data":${"[".repeat(64)}${"]".repeat(64)}}`,
      "bad_frame",
    ],
    [
      "a nesting of 10,000",
      `{"type":"publish","event":"e","data":${"[".repeat(10_000)}${"]".repeat(10_000)}}`,
      "bad_frame",
    ],
    ["Ping", "Ping", "bad_frame"],
  ])("[F2 F3 E1] %s is rejected, and the connection stays open", async (_what, text, code) => {
    const ana = await join(uniqueRoom());

    const answer = await ana.ask(text);

    expect(answer).toEqual({ type: "error", code, message: expect.any(String) });
    expect(await ana.publish("e", 1)).toMatchObject({ type: "ack" });
  });

  it("[F2] unknown fields are ignored, and are not delivered", async () => {
    const ana = await join(uniqueRoom());

    ana.send({
      type: "publish",
      ref: 1,
      event: "e",
      data: 1,
      colour: "red",
      from: "someone",
      offset: 99,
      time: 0,
    });
    const message = await ana.inbox.take("message");

    expect(message).toEqual({
      type: "message",
      offset: 1,
      time: expect.any(Number),
      from: ana.member,
      event: "e",
      data: 1,
    });
    expect(message.time).toBeGreaterThan(0);
  });

  it("[F2] a nesting depth of 64 is accepted", async () => {
    const ana = await join(uniqueRoom());

    ana.send(`{"type":"publish","event":"e","data":${"[".repeat(63)}${"]".repeat(63)}}`);

    expect(await ana.inbox.take("message")).toMatchObject({ offset: 1 });
  });

  it("[F3] a frame of exactly maxFrameBytes is accepted, and one byte more is frame_too_large", async () => {
    const ana = await join(uniqueRoom());

    expect(await ana.ask(frameOf(MAX_FRAME_BYTES))).toMatchObject({ type: "ack", offset: 1 });
    expect(await ana.ask(frameOf(MAX_FRAME_BYTES + 1))).toMatchObject({
      code: "frame_too_large",
      limit: "maxFrameBytes",
    });
    expect(await ana.publish("e", 1, { ref: 2 })).toMatchObject({ offset: 2 });
  });

  it("[F3] a frame that is far too large is frame_too_large regardless of content, and the connection stays open", async () => {
    const ana = await join(uniqueRoom());

    expect(await ana.ask("x".repeat(200_000))).toMatchObject({ code: "frame_too_large" });
    expect(await ana.publish("e", 1)).toMatchObject({ offset: 1 });
  });

  it("[F3] a binary frame on a JSON connection is rejected, and the connection stays open", async () => {
    const ana = await join(uniqueRoom(), { as: "json" });

    expect(await ana.ask(new Uint8Array([123, 125]).buffer)).toMatchObject({
      type: "error",
      code: "binary_frame",
    });
    expect(await ana.publish("e", 1)).toMatchObject({ offset: 1 });
  });
});

describe("order within a frame", () => {
  it("[F4 M1] a flush contains presence, recorded messages, volatile messages, then leaves, then the member's own replies", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];

    ana.send([
      { type: "publish", event: "v1", volatile: true },
      { type: "publish", ref: 1, event: "r1" },
      { type: "publish", ref: 2, event: "" },
      { type: "presence", ref: 3, data: "x" },
      { type: "publish", event: "v2", volatile: true },
      { type: "publish", ref: 4, event: "r2" },
    ]);
    await Promise.all([ana.inbox.take("ack", ({ ref }) => ref === 4), bob.inbox.take("message")]);

    const words = (text: string | undefined): string[] =>
      (JSON.parse(text ?? "[]") as { type: string; event?: string; ref?: number }[]).map(
        ({ type, event, ref }) => event ?? `${type}${ref ?? ""}`,
      );
    expect(words(bob.inbox.texts.at(-1))).toEqual(["presence", "r1", "r2", "v1", "v2"]);
    expect(words(ana.inbox.texts.at(-1)).slice(0, 5)).toEqual(["presence", "r1", "r2", "v1", "v2"]);
    expect(words(ana.inbox.texts.at(-1)).slice(5).toSorted()).toEqual(["ack1", "ack3", "ack4", "error2"]);
  });

  it("[F4 A6] messages that a member sends in the frame with its leave are delivered before the leave", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];

    ana.send([
      { type: "presence", data: "bye" },
      { type: "publish", event: "v", volatile: true },
      { type: "publish", event: "r" },
      { type: "leave" },
    ]);
    await bob.inbox.take("presence", ({ left }) => left !== undefined);

    expect(JSON.parse(bob.inbox.texts.at(-1) ?? "")).toMatchObject([
      {
        type: "presence",
        roster: expect.any(String) as string,
        updated: [{ id: ana.member, data: "bye" }],
        count: 2,
      },
      { type: "message", event: "r", offset: 1 },
      { type: "message", event: "v" },
      {
        type: "presence",
        roster: expect.any(String) as string,
        left: [{ id: ana.member, reason: "left" }],
        count: 1,
      },
    ]);
  });
});
