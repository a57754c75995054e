import { expect, it } from "vitest";
import { follow, type Attempt, type Found, type ActQueue } from "./act-queues.ts";
import { textOf, type Recorded, type RecordedFrame } from "./recorded.ts";
import { changed, type Shared } from "./shared.ts";

const NOTHING_FOUND: Found = { unexpected: [], wrong: [], missing: [] };

it("the model takes each attempt of a set by its own answer: two rejections, then an ack", () => {
  const { act: other, frame: otherFrame } = setting("ana", "c");
  const { act, frame } = setting("bob", "a", { c: 1 });
  const [first, second, third] = [rejected(act), rejected(act), accepted(act)];

  const { found, states } = followed([[first, second, third], [accepted(other)]], [otherFrame, frame]);

  expect(found).toEqual(NOTHING_FOUND);
  expect(first.met).toEqual(states.slice(0, 2));
  expect(second.met).toEqual(states.slice(0, 2));
});

it("the model accepts no reason to reject the repeat of a set that has taken effect", () => {
  const { act, frame } = setting("bob", "c", { c: 0 });
  const repeat = rejected(act);

  followed([[accepted(act), repeat]], [frame]);

  expect(repeat.met).toEqual([]);
});

it("the model reports what is stored though every attempt of it was rejected", () => {
  const { act, frame } = setting("bob", "c", { c: 0 });

  const { found } = followed([[rejected(act), rejected(act)]], [frame]);

  expect(found.unexpected).toEqual([frame]);
});

it("where a crash cut off the answers, the model allows any attempt to be the one that was stored", () => {
  const { act: other, frame: otherFrame } = setting("ana", "c");
  const { act, frame } = setting("bob", "a", { c: 1 });
  // Only the states before `act` is stored are a reason to reject it.
  const between = unanswered(setting("bob", "b", { a: 2 }).act);
  const { act: last, frame: lastFrame } = setting("bob", "d");
  const queue = [unanswered(act), between, unanswered(act), unanswered(last)];

  const { found, states } = followed([queue, [accepted(other)]], [otherFrame, frame, lastFrame]);

  expect(found).toEqual(NOTHING_FOUND);
  expect(between.met).toEqual(states.slice(0, 3));
});

/** A set of one key, and the frame that is stored for it. */
function setting(from: string, key: string, expected = {}): { act: Recorded; frame: RecordedFrame } {
  const set = { [key]: `${from} 1` };
  const frame: RecordedFrame = { type: "state", offset: 0, time: 0, from, set };
  const change = { set, deleted: [], expected, own: false };
  return { act: { from, text: textOf(frame), change, offset: undefined, time: undefined }, frame };
}

function accepted(recorded: Recorded): Attempt {
  return { recorded, isRejected: false, met: [] };
}

function rejected(recorded: Recorded): Attempt {
  return { recorded, isRejected: true, met: [] };
}

function unanswered(recorded: Recorded): Attempt {
  return { recorded, isRejected: undefined, met: [] };
}

/** Follows queues from an empty log on; returns what was found, and the state at each offset. */
function followed(queues: ActQueue[], stored: RecordedFrame[]): { found: Found; states: readonly Shared[] } {
  const states: Shared[] = [new Map()];
  const add = (recorded: Recorded): void => {
    const offset = states.length;
    recorded.offset = offset;
    const before = states.at(-1) ?? new Map();
    states.push(
      recorded.change === undefined ? before : changed(before, recorded.change, recorded.from, offset),
    );
  };
  return { found: follow(queues, stored, { states, add }, false), states };
}
