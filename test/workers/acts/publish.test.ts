import { afterEach, describe, expect, it, vi } from "vitest";
import { crash, evict, inRoom, infoOf, rowsOf, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { join, rejoin } from "../support/websocket.ts";

afterEach(() => vi.useRealTimers());

describe("recorded messages", () => {
  it("[A1 A2 G5] a publish reaches everyone over any transport, including its sender, and is acked", async () => {
    const room = uniqueRoom();
    const [ana, bob, cem] = [await join(room), await join(room), await joinSse(room)];

    const ack = await ana.publish("chat", { text: "hi" });

    const message = {
      type: "message",
      offset: 1,
      time: expect.any(Number),
      from: ana.member,
      event: "chat",
      data: { text: "hi" },
    };
    expect(ack).toEqual({ type: "ack", ref: 1, offset: 1 });
    for (const { inbox } of [ana, bob, cem]) expect(await inbox.take("message")).toEqual(message);
  });

  it("[F4 A2] the sender receives its message and the ack in one frame, in this order", async () => {
    const ana = await join(uniqueRoom());

    await ana.publish("chat", 1);

    expect(JSON.parse(ana.inbox.texts.at(-1) ?? "")).toMatchObject([{ type: "message" }, { type: "ack" }]);
  });

  it.each([
    ["1 character", "e"],
    ["64 characters", "e".repeat(64)],
    ["quotes and a backslash", '"\\"'],
    ["an emoji", "😀"],
    ["a newline", "a\nb"],
  ])("[A1] an event name may be %s", async (_what, event) => {
    const ana = await join(uniqueRoom());
    await ana.publish(event, 1);

    expect(ana.inbox.messages).toMatchObject([{ event }]);
  });

  it.each([
    ["empty", ""],
    ["65 characters", "e".repeat(65)],
    ["a number", 1],
    ["null", null],
  ])("[A1] an event name that is %s is bad_frame", async (_what, event) => {
    const ana = await join(uniqueRoom());

    expect(await ana.ask({ type: "publish", ref: 7, event })).toMatchObject({
      type: "error",
      ref: 7,
      code: "bad_frame",
    });
    expect(ana.inbox.messages).toEqual([]);
  });

  it("[A1] absent data is null", async () => {
    const ana = await join(uniqueRoom());
    await ana.ask({ type: "publish", ref: 1, event: "e" });

    expect(ana.inbox.messages).toMatchObject([{ data: null }]);
  });

  // JSON text, because not every value survives as a literal.
  it.each([
    ["a lone surrogate", String.raw`"\ud800x\udfff"`],
    ["keys that objects inherit", '{"__proto__":{"a":1},"constructor":2,"toJSON":3}'],
    ["keys that look like numbers", '{"1":1,"2":2,"b":3,"a":4}'],
    ["NUL and line separators", JSON.stringify("\0\u2028\u2029\x1f\x7f\ufeff")],
    ["emoji", '"👩‍👩‍👧‍👦 😀"'],
    ["large numbers", "[100000000000000000000,1.7976931348623157e+308,5e-324,-1]"],
    ["one of each empty value", '[null,false,0,"",[],{}]'],
    ["text that looks like an SSE field", String.raw`"\ndata: x\n\nid: 9\r\n"`],
    ["text that looks like HTML", '"</script><!--"'],
    ["deep nesting", `${"[".repeat(62)}${"]".repeat(62)}`],
  ])(
    "[A1 G4] data with %s is the same live, over SSE, and replayed from inside a row",
    async (_what, text) => {
      const room = uniqueRoom();
      const [ana, cem] = [await join(room), await joinSse(room)];
      const start = ana.position;

      ana.send(`[{"type":"publish","event":"first"},{"type":"publish","ref":1,"event":"e","data":${text}}]`);
      await ana.inbox.take("ack");
      await cem.inbox.until(({ messages }) => messages.length === 2);
      await evict(room);
      const whole = await join(room, { after: start });
      const part = await join(room, { after: start.replace(/0$/, "1") });
      await Promise.all([whole.inbox.take("position"), part.inbox.take("position")]);

      for (const { inbox } of [ana, cem, whole, part]) {
        expect(inbox.texts.some((received) => received.includes(`"data":${text}}`))).toBe(true);
        expect(JSON.stringify(inbox.messages.at(-1)?.data)).toBe(text);
      }
    },
  );

  it("[A1 F3] numbers that exceed the limit when they are serialized are frame_too_large", async () => {
    const ana = await join(uniqueRoom());
    const text = `{"type":"publish","ref":1,"event":"e","data":[${Array(10_000).fill("1e20").join(",")}]}`;

    expect(await ana.ask(text)).toMatchObject({ type: "error", ref: 1, code: "frame_too_large" });
    expect(ana.inbox.messages).toEqual([]);
  });

  it.each([
    ["nobody", []],
    ["null", null],
    ["a word", "all"],
    ["text that is not an id", ["bob"]],
    ["an id that is too long", ["x".repeat(23)]],
    ["an id and null", ["x".repeat(22), null]],
    ["65 ids", Array.from({ length: 65 }, (_, index) => String(index).padStart(22, "x"))],
  ])("[A7 G12] a publish to %s is bad_frame, and reaches nobody", async (_what, to) => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];

    expect(await ana.ask({ type: "publish", ref: 1, event: "secret", to })).toMatchObject({
      ref: 1,
      code: "bad_frame",
    });
    expect(await ana.ask({ type: "publish", event: "secret", volatile: true, to })).toMatchObject({
      code: "bad_frame",
    });
    await ana.publish("open", null, { ref: 2 });
    await bob.inbox.take("message");

    expect(bob.inbox.all.filter(({ type }) => type === "message")).toMatchObject([{ event: "open" }]);
  });
});

describe("acks and storage", () => {
  it("[A2 G2 G6] an acked message is there after a crash", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const start = ana.position;
    await ana.publish("chat", "stored");

    await crash();
    const bob = await join(room, { after: start });

    expect(await bob.inbox.take("message")).toMatchObject({ offset: 1, data: "stored" });
  });

  it("[A2 G2 G1] if the storage fails, nobody receives the message, and the next message gets its offset", async () => {
    const room = uniqueRoom();
    const [ana, bob, cem] = [await join(room), await join(room), await joinSse(room)];
    await ana.publish("chat", "before");
    await inRoom(room, ({ storage }) =>
      storage.sql.exec(
        "CREATE TRIGGER full BEFORE INSERT ON segment BEGIN SELECT RAISE(ABORT, 'disk full'); END",
      ),
    );

    ana.send([
      { type: "publish", ref: 2, event: "chat", data: "lost" },
      { type: "publish", event: "v", volatile: true },
      { type: "publish", ref: 3, event: "chat", data: "lost" },
    ]);
    const refused = [await ana.inbox.take("error"), await ana.inbox.take("error")];
    const byPost = await cem.post({ type: "publish", ref: 1, event: "chat", data: "lost" });
    await inRoom(room, ({ storage }) => storage.sql.exec("DROP TRIGGER full"));
    const again = await ana.publish("chat", "after", { ref: 2 });
    await bob.inbox.until(({ messages }) => messages.length === 2);

    expect(refused).toMatchObject([
      { ref: 2, code: "unavailable" },
      { ref: 3, code: "unavailable" },
    ]);
    expect(byPost).toMatchObject({ status: 503, body: { ref: 1, code: "unavailable" } });
    expect(again).toEqual({ type: "ack", ref: 2, offset: 2 });
    expect(bob.inbox.messages.map(({ data }) => data)).toEqual(["before", "after"]);
    expect(bob.inbox.all.filter((frame) => frame.type === "message" && frame.event === "v")).toHaveLength(1);
  });

  it("[E1 G10] a publish that could not be stored gets a retry time", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    await inRoom(room, ({ storage }) =>
      storage.sql.exec(
        "CREATE TRIGGER full BEFORE INSERT ON segment BEGIN SELECT RAISE(ABORT, 'disk full'); END",
      ),
    );

    expect(await ana.publish("chat", 1)).toMatchObject({
      code: "unavailable",
      retryAfterMs: expect.any(Number),
    });
  });

  it("[A2 A6] a member that publishes and leaves in one frame receives its acks before the close", async () => {
    const ana = await join(uniqueRoom());

    ana.send([{ type: "publish", ref: 1, event: "chat", data: "last words" }, { type: "leave" }]);

    expect(await ana.inbox.take("ack")).toEqual({ type: "ack", ref: 1, offset: 1 });
    expect(await ana.closed).toMatchObject({ code: 4507 });
  });

  it("[G2] one row holds all messages of one frame", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    ana.send([1, 2, 3].map((ref) => ({ type: "publish", ref, event: "e", data: ref })));
    await ana.inbox.take("ack", ({ ref }) => ref === 3);

    expect(await rowsOf(room)).toMatchObject([{ first: 1, last: 3 }]);
  });
});

describe("volatile messages", () => {
  it("[A4 G8] a volatile message reaches everyone without offset or ack, and nothing is stored", async () => {
    const room = uniqueRoom();
    const [ana, bob, cem] = [await join(room), await join(room), await joinSse(room)];
    const start = ana.position;

    ana.send({ type: "publish", event: "cursor", data: { x: 1 }, volatile: true, key: "k" });

    const message = {
      type: "message",
      time: expect.any(Number),
      from: ana.member,
      event: "cursor",
      data: { x: 1 },
    };
    for (const { inbox } of [ana, bob, cem]) expect(await inbox.take("message")).toEqual(message);
    expect(await rowsOf(room)).toEqual([]);
    expect(await infoOf(room)).toMatchObject({ position: start });
    expect(ana.inbox.all.map(({ type }) => type)).not.toContain("ack");
    expect(cem.stream.events.at(-1)?.id).toBe(start);
  });

  it("[A4 G4] a volatile message is not replayed", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await join(room);
    bob.close(1000);
    await bob.closed;
    ana.send({ type: "publish", event: "v", volatile: true });
    await ana.publish("r", 1);

    const again = await rejoin(room, bob);
    await again.inbox.take("position");

    expect(again.inbox.all.flatMap((frame) => (frame.type === "message" ? [frame.event] : []))).toEqual([
      "r",
    ]);
  });

  it.each([
    ["a ref", { volatile: true, ref: 1 }],
    ["an empty key", { volatile: true, key: "" }],
    ["a key of 65 characters", { volatile: true, key: "k".repeat(65) }],
    ["a key that is not a string", { volatile: true, key: 1 }],
    ["a volatile field that is not a boolean", { volatile: "yes" }],
  ])("[A4] a volatile publish with %s is bad_frame", async (_what, fields) => {
    const ana = await join(uniqueRoom());

    expect(await ana.ask({ type: "publish", event: "e", ...fields })).toMatchObject({ code: "bad_frame" });
  });

  it("[A4] a key of 64 characters is accepted, and a publish with volatile false is recorded", async () => {
    const ana = await join(uniqueRoom());

    ana.send({ type: "publish", event: "v", volatile: true, key: "k".repeat(64) });
    ana.send({ type: "publish", ref: 1, event: "r", volatile: false });

    expect(await ana.inbox.take("ack")).toMatchObject({ offset: 1 });
    expect(ana.inbox.all.filter(({ type }) => type === "message")).toHaveLength(2);
  });
});
