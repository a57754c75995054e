import fc from "fast-check";
import { expect, it } from "vitest";
import type { EncodedEntry } from "../../../../src/room/delivery/flush-encoder.ts";
import { KeptVolatile } from "../../../../src/room/delivery/kept-volatile.ts";
import { cases } from "../../../support/fuzzing.ts";

function entry(from: string, data: string): EncodedEntry {
  return { type: "message", from, text: `{"from":"${from}","data":"${data}"}` };
}

function marked(from: string, data: string): string {
  return `{"from":"${from}","data":"${data}","kept":true}`;
}

it("[A11 G8] of the messages of one slot, the newest is kept, behind all older ones", () => {
  const kept = new KeptVolatile(10_000, () => true);

  kept.keep(["a", "b"], [entry("ana", "1"), entry("bob", "2")]);
  kept.keep(["a"], [entry("ana", "3")]);

  expect(kept.frames).toEqual([marked("bob", "2"), marked("ana", "3")]);
});

it("[A11 G10] when there is no space, the messages that were published first are dropped", () => {
  const senders = Array.from({ length: 30 }, (_, index) => `member ${index + 10}`);
  const size = marked("member 10", "x").length + "member 10".length;
  const kept = new KeptVolatile(20 * size, () => true);

  for (const from of senders) kept.keep([from], [entry(from, "x")]);

  expect(kept.frames).toEqual(senders.slice(10).map((from) => marked(from, "x")));
});

it("[A11 G7] whatever members publish and however they leave, the space of the room and of each member is not exceeded", () => {
  const MAX = 800;
  const sender = fc.constantFrom("ana", "bob", "cem", "dan");
  const step = fc.oneof(
    { weight: 9, arbitrary: fc.tuple(sender, fc.nat({ max: 6 }), fc.nat({ max: 90 })) },
    { weight: 1, arbitrary: sender },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const kept = new KeptVolatile(MAX, () => true);
      for (const each of steps) {
        if (typeof each === "string") kept.forget(each);
        else {
          const [from, key, chars] = each;
          kept.keep([`${from} ${key}`], [entry(from, "x".repeat(chars))]);
        }
        const chars = (frames: readonly string[]): number =>
          frames.reduce((sum, { length }) => sum + length + "ana 1".length, 0);
        const of = (from: string): readonly string[] =>
          kept.frames.filter((frame) => frame.includes(`"from":"${from}"`));
        expect(chars(kept.frames)).toBeLessThanOrEqual(MAX);
        for (const from of ["ana", "bob", "cem", "dan"]) expect(chars(of(from))).toBeLessThanOrEqual(MAX / 8);
        expect(typeof each === "string" ? of(each) : []).toEqual([]);
      }
    }),
    cases(200),
  );
});

it("[A11] a message of a sender that is not a member any more is not kept", () => {
  const kept = new KeptVolatile(10_000, (id) => id === "ana");

  kept.keep(["a", "b"], [entry("ana", "1"), entry("bob", "2")]);

  expect(kept.frames).toEqual([marked("ana", "1")]);
});
