import { expect, it } from "vitest";
import { at, messageFrame } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { comeBack, Visit, visit } from "../support/test-client.ts";

it("[P3] its position moves with every welcome, recorded message and position frame", async () => {
  const made = await visit({}, { position: at(3), head: at(9) });
  expect(made.room.position).toBe(at(3));

  made.line.deliver(messageFrame(4));
  expect(made.room.position).toBe(at(4));

  made.line.deliver(messageFrame(undefined));
  expect(made.room.position).toBe(at(4));

  made.line.deliver({ type: "position", position: at(9), reason: "replayed" });
  expect(made.room.position).toBe(at(9));
});

it("[P3 S1] over SSE its position moves with every id", async () => {
  const made = await visit({ transports: ["sse"] });

  made.line.deliverEvent(at(7), { type: "presence", roster: "r", count: 1 });

  expect(made.room.position).toBe(at(7));
});

it("[P3] a position frame of another log is followed, and its offsets begin anew", async () => {
  const made = await visit({}, { position: at(40) });

  made.line.deliver({ type: "position", position: "other:0", reason: "replayed" }, messageFrame(1));

  expect(made.offsets).toEqual([1]);
  expect(made.room.position).toBe("other:1");
});

it("[S6] an id that is no position is passed over", async () => {
  const made = await visit({ transports: ["sse"] }, { position: at(2) });

  made.line.deliverEvent("~closed", { type: "presence", roster: "r", count: 2 });

  expect(made.room.position).toBe(at(2));
});

it("[G4] inside a listener the position stands behind the message", async () => {
  const made = await visit();
  const saved: unknown[] = [];
  made.room.on("message", () => saved.push(made.room.position));

  made.line.deliver(messageFrame(1), messageFrame(2));

  expect(saved).toEqual([at(1), at(2)]);
});

it("[G4 P4] tells nothing twice, whatever a replay repeats", async () => {
  const made = await visit();
  made.line.deliver(messageFrame(1), messageFrame(2));

  await comeBack(made, { position: at(2), head: at(3) });
  made.line.deliver(messageFrame(1), messageFrame(2), messageFrame(3), messageFrame(3));

  expect(made.offsets).toEqual([1, 2, 3]);
});

it("[G4] a client that saw no message before it dropped comes back with its welcome's position", async () => {
  const made = await visit({}, { position: at(0) });

  await comeBack(made, { position: at(0), head: at(1) });
  made.line.deliver(messageFrame(1));

  expect(made.line.target.after).toBe(at(0));
  expect(made.offsets).toEqual([1]);
});

it("[G4] a connection that broke within its replay goes on where it stood", async () => {
  const made = await visit({ rewind: 3 }, { position: at(7), head: at(10) });
  made.line.deliver(messageFrame(8));

  await comeBack(made, { position: at(8), head: at(10) });
  made.line.deliver(messageFrame(9), messageFrame(10));

  expect(made.line.target).toMatchObject({ after: at(8) });
  expect(made.offsets).toEqual([8, 9, 10]);
});

it("[G4 W3 P5] is told when what it missed cannot be had, and goes on from the head", async () => {
  const made = await visit({}, { position: at(500) });

  await comeBack(made, { recovered: false, reason: "epoch", position: "other:3", head: "other:3" });
  made.line.deliver(messageFrame(4));

  expect(made.told.welcome.at(-1)).toMatchObject({ recovered: false, reason: "epoch", position: "other:3" });
  expect(made.offsets).toEqual([4]);
  expect(made.room.position).toBe("other:4");
});

it("[W3] a first join without a position has nothing to recover", async () => {
  const made = await visit();

  expect(made.told.welcome[0]?.recovered).toBeUndefined();
});

it("[J6 P5] brings a saved position as it is, for the server to judge", async () => {
  const made = new Visit({ position: "no position" });
  await settled();
  expect(made.line.target.after).toBe("no position");
  expect(made.room.position).toBe("no position");

  made.line.welcome({ recovered: false, reason: "malformed", position: at(5) });

  expect(made.room.position).toBe(at(5));
});

it("[J6] asks for the newest messages again when it was never welcomed", async () => {
  const made = new Visit({ rewind: 5 });
  await settled();

  made.line.end();
  await made.nextDial();

  expect(made.line.target).toMatchObject({ after: undefined, rewind: 5 });
});

it("[F2] passes over frames of a type it does not know", async () => {
  const made = await visit();

  made.line.deliver(JSON.parse('{"type":"weather","sun":1}') as never, messageFrame(1));

  expect(made.offsets).toEqual([1]);
  expect(made.told.error).toEqual([]);
});

it("[A4] leaves out its own volatile messages, and tells its own recorded ones", async () => {
  const made = await visit();

  made.line.deliver(messageFrame(undefined, "me"), messageFrame(1, "me"), messageFrame(undefined, "ana"));

  expect(made.told.message.map(({ from, offset }) => [from, offset])).toEqual([
    ["me", 1],
    ["ana", undefined],
  ]);
});
