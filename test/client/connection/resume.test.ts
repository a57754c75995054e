import { expect, it } from "vitest";
import { at, messageFrame } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { comeBack, Visit, visit } from "../support/test-client.ts";

it("[P3] the position moves with every welcome, recorded message and position frame", async () => {
  const made = await visit({}, { position: at(3), head: at(9) });
  expect(made.room.position).toBe(at(3));

  made.line.deliver(messageFrame(4));
  expect(made.room.position).toBe(at(4));

  made.line.deliver(messageFrame(undefined));
  expect(made.room.position).toBe(at(4));

  made.line.deliver({ type: "position", position: at(9), reason: "replayed" });
  expect(made.room.position).toBe(at(9));
});

it("[P3 S1] over SSE the position moves with every id", async () => {
  const made = await visit({ transports: ["sse"] });

  made.line.deliverEvent(at(7), { type: "presence", roster: "r", count: 1 });

  expect(made.room.position).toBe(at(7));
});

it("[P3] after a position frame of another log, offsets start anew", async () => {
  const made = await visit({}, { position: at(40) });

  made.line.deliver({ type: "position", position: "other:0", reason: "replayed" }, messageFrame(1));

  expect(made.offsets).toEqual([1]);
  expect(made.room.position).toBe("other:1");
});

it("[S6] an id that is not a position is ignored", async () => {
  const made = await visit({ transports: ["sse"] }, { position: at(2) });

  made.line.deliverEvent("~closed", { type: "presence", roster: "r", count: 2 });

  expect(made.room.position).toBe(at(2));
});

it("[G4] inside a listener the position includes the message", async () => {
  const made = await visit();
  const saved: unknown[] = [];
  made.room.on("message", () => saved.push(made.room.position));

  made.line.deliver(messageFrame(1), messageFrame(2));

  expect(saved).toEqual([at(1), at(2)]);
});

it("[G4 P4] each message is delivered once, whatever a replay repeats", async () => {
  const made = await visit();
  made.line.deliver(messageFrame(1), messageFrame(2));

  await comeBack(made, { position: at(2), head: at(3) });
  made.line.deliver(messageFrame(1), messageFrame(2), messageFrame(3), messageFrame(3));

  expect(made.offsets).toEqual([1, 2, 3]);
});

it("[G4] a client that received no message before an outage reconnects with the position of its welcome", async () => {
  const made = await visit({}, { position: at(0) });

  await comeBack(made, { position: at(0), head: at(1) });
  made.line.deliver(messageFrame(1));

  expect(made.line.target.after).toBe(at(0));
  expect(made.offsets).toEqual([1]);
});

it("[G4] after an outage during a replay the client resumes from its position", async () => {
  const made = await visit({ rewind: 3 }, { position: at(7), head: at(10) });
  made.line.deliver(messageFrame(8));

  await comeBack(made, { position: at(8), head: at(10) });
  made.line.deliver(messageFrame(9), messageFrame(10));

  expect(made.line.target).toMatchObject({ after: at(8) });
  expect(made.offsets).toEqual([8, 9, 10]);
});

it("[G4 W3 P5] a client is notified if missed messages are not available, and continues from the head", async () => {
  const made = await visit({}, { position: at(500) });

  await comeBack(made, { recovered: false, reason: "epoch", position: "other:3", head: "other:3" });
  made.line.deliver(messageFrame(4));

  expect(made.told.welcome.at(-1)).toMatchObject({ recovered: false, reason: "epoch", position: "other:3" });
  expect(made.offsets).toEqual([4]);
  expect(made.room.position).toBe("other:4");
});

it("[W3] the welcome of a first join without a position has no recovered", async () => {
  const made = await visit();

  expect(made.told.welcome[0]?.recovered).toBeUndefined();
});

it("[J6 P5] a saved position is sent unchanged, and the server judges it", async () => {
  const made = new Visit({ position: "no position" });
  await settled();
  expect(made.line.target.after).toBe("no position");
  expect(made.room.position).toBe("no position");

  made.line.welcome({ recovered: false, reason: "malformed", position: at(5) });

  expect(made.room.position).toBe(at(5));
});

it("[J6] a client that has received no welcome requests the newest messages again", async () => {
  const made = new Visit({ rewind: 5 });
  await settled();

  made.line.end();
  await made.nextDial();

  expect(made.line.target).toMatchObject({ after: undefined, rewind: 5 });
});

it("[F2] frames of an unknown type are ignored", async () => {
  const made = await visit();

  made.line.deliver(JSON.parse('{"type":"weather","sun":1}') as never, messageFrame(1));

  expect(made.offsets).toEqual([1]);
  expect(made.told.error).toEqual([]);
});

it("[A4] a client's own recorded messages are emitted, and its own volatile ones are not", async () => {
  const made = await visit();

  made.line.deliver(messageFrame(undefined, "me"), messageFrame(1, "me"), messageFrame(undefined, "ana"));

  expect(made.told.message.map(({ from, offset }) => [from, offset])).toEqual([
    ["me", 1],
    ["ana", undefined],
  ]);
});
