import { expect, it } from "vitest";
import { LIMITS, messageFrame, welcomeFrame, type SentItem } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { comeBack, type Visit, visit } from "../support/test-client.ts";

/** A window of which a quarter is 25,000 characters. */
const SMALL = { limits: { ...LIMITS, windowChars: 100_000 } };

function seenBy(made: Visit): SentItem[] {
  return made.line.items.filter(({ type }) => type === "seen");
}

it("[L5 A9] a client reports the total it has read after each quarter of the window", async () => {
  const made = await visit({}, SMALL);

  made.line.deliverText(24_999, messageFrame(1));
  expect(seenBy(made)).toEqual([]);
  made.line.deliverText(1, messageFrame(2));
  expect(seenBy(made)).toEqual([{ type: "seen", chars: 25_000 }]);

  made.line.deliverText(24_999, messageFrame(3));
  expect(seenBy(made)).toHaveLength(1);
  made.line.deliverText(90_000, messageFrame(4));
  expect(seenBy(made)).toEqual([
    { type: "seen", chars: 25_000 },
    { type: "seen", chars: 139_999 },
  ]);
});

it("[L5] the total read includes the welcome, and text that is not a frame", async () => {
  const made = await visit();
  made.line.end();
  await made.nextDial();

  made.line.deliverText(20_000, welcomeFrame({ ...SMALL, recovered: true }));
  made.line.deliverText(5_000, { type: "error", code: "bad_frame", message: "the server sent no frame" });

  expect(seenBy(made)).toEqual([{ type: "seen", chars: 25_000 }]);
});

it("[L5] the total read starts at 0 on every connection", async () => {
  const made = await visit({}, SMALL);
  made.line.deliverText(40_000, messageFrame(1));
  made.line.deliverText(24_000, messageFrame(2));

  await comeBack(made, SMALL);
  made.line.deliverText(24_000, messageFrame(3));
  expect(seenBy(made)).toEqual([]);
  made.line.deliverText(1_000, messageFrame(4));

  expect(seenBy(made)).toEqual([{ type: "seen", chars: 25_000 }]);
});

it("[L5] a client reports what it has read after it has called the listeners", async () => {
  const made = await visit({}, SMALL);
  const saidBefore: number[] = [];
  made.room.on("message", () => saidBefore.push(seenBy(made).length));

  made.line.deliverText(25_000, messageFrame(1), messageFrame(2));

  expect(saidBefore).toEqual([0, 0]);
  expect(seenBy(made)).toHaveLength(1);
});

it("[L5 L1] a report of what was read ignores the rate limits, and counts as sent", async () => {
  const made = await visit({}, { limits: { ...SMALL.limits, messagesPerSecond: 10, messagesBurst: 10 } });
  for (let index = 0; index < 9; index++) void made.room.publish("chat", index);
  await settled();
  expect(made.line.items).toHaveLength(8); // four fifths of the burst

  made.line.deliverText(25_000, messageFrame(1));
  expect(made.line.items.at(-1)).toEqual({ type: "seen", chars: 25_000 });
  await made.world.pass(150);
  expect(made.line.items).toHaveLength(9);
  await made.world.pass(100);

  expect(made.line.items.at(-1)).toMatchObject({ type: "publish", data: 8 });
});

it("[L5] a client does not report what it has read if the server states no window, or over SSE", async () => {
  const { windowChars: _windowChars, ...limits } = LIMITS;
  const old = await visit({}, { limits });
  old.line.deliverText(1_000_000_000, messageFrame(1));
  const sse = await visit({ transports: ["sse"] }, SMALL);
  sse.line.deliverEvent("Zk3aB9:1", messageFrame(1));

  expect([...seenBy(old), ...seenBy(sse)]).toEqual([]);
});

it("[L5] a client does not report what it has read on a connection that ended", async () => {
  const made = await visit({}, SMALL);
  made.room.on("message", () => made.room.close());

  made.line.deliverText(25_000, messageFrame(1));

  expect(made.line.items).toEqual([]);
});

it("[L5 C1] a client that was closed because it read too slowly reconnects with its position", async () => {
  const made = await visit({}, SMALL);
  made.line.deliver(messageFrame(7));

  made.line.end(4003, "the member reads too slowly");
  expect(made.told.state.at(-1)).toMatchObject({ state: "reconnecting", code: 4003 });
  await made.nextDial();

  expect(made.line.target.after).toBe("Zk3aB9:7");
});

it("[L8 F2 A3] after a frame was rejected unread, a client repeats all acts without a reply, each with its own ref", async () => {
  const made = await visit();
  const published = [made.room.publish("chat", 1), made.room.publish("chat", 2)];
  await settled();
  const [first = 0, second = 0] = made.line.refs;
  made.line.ack([first], 7);

  made.line.deliver({
    ...{ type: "error", code: "rate_limited", message: "the room's byte budget is spent" },
    ...{ limit: "roomBytesPerSecond", retryAfterMs: 250 },
  });
  await made.world.pass(249);
  expect(made.line.frames).toHaveLength(1);
  await made.world.pass(100);
  made.line.ack([second], 8);

  expect(made.line.refs).toEqual([first, second, second]);
  expect(await Promise.all(published)).toEqual([{ offset: 7 }, { offset: 8 }]);
});
