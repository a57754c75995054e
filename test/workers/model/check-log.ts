import type { Evidence } from "./checks.ts";
import { textOf, type RecordedFrame } from "./recorded.ts";

/** G1: there is one order without gaps, the same for all, and it keeps the order of each sender. */
export function* inOrder({ model, stored, connections }: Evidence): Iterable<string> {
  for (const [index, frame] of stored.entries()) {
    if (frame.offset !== index + 1) yield `entry ${index + 1} of the log is ${show(frame)}`;
  }
  for (const [index, { text, time }] of model.log.entries()) {
    const frame = stored[index];
    if (frame !== undefined && (textOf(frame) !== text || frame.time !== time))
      yield `offset ${index + 1} had ${text} of ${time} and now has ${show(frame)}`;
  }
  for (const frame of model.found.unexpected)
    yield `${show(frame)} is stored, but nobody requested it, or its sender requested something else first`;
  for (const connection of connections) {
    for (const [index, frame] of connection.recorded.entries()) {
      const before = connection.recorded[index - 1]?.offset ?? 0;
      if (frame.offset <= before) yield `${connection.name} received ${show(frame)} after offset ${before}`;
    }
  }
}

/** G2: nothing is acked or delivered that is not in the log, and nothing delivered ever disappears from the log. */
export function* isStored({ model, stored, answers, connections }: Evidence): Iterable<string> {
  for (const { text, offset } of model.log.slice(stored.length))
    yield `${text} was stored at ${offset} and is gone`;
  for (const { text } of model.found.missing) yield `${text} was not rejected, but is not stored`;
  for (const { by, act, answer } of answers) {
    if (answer?.type !== "ack" || answer.offset === undefined) continue;
    const there = stored[answer.offset - 1];
    if (there === undefined || textOf(there) !== act.recorded?.text)
      yield `${by} got ${JSON.stringify(answer)} for ${JSON.stringify(act.frame)}, but ${show(there)} is stored there`;
  }
  for (const connection of connections) {
    for (const frame of connection.recorded) {
      const there = stored[frame.offset - 1];
      if (JSON.stringify(there) !== JSON.stringify(frame))
        yield `${connection.name} received ${show(frame)}, but ${show(there)} is stored there`;
    }
  }
}

/** G3: nothing is in the log twice, and a repeat gets the offset of the first. */
export function* once({ model, stored, answers }: Evidence): Iterable<string> {
  const offsets = new Map<string, number>();
  for (const frame of stored) {
    if (model.log[frame.offset - 1]?.isMembershipEnd === true) continue; // A member may leave with the same keys again.
    const text = textOf(frame);
    const first = offsets.get(text);
    if (first === undefined) offsets.set(text, frame.offset);
    else yield `${show(frame)} was already stored at ${first}`;
  }
  for (const { by, act, answer } of answers) {
    const { recorded, frame } = act;
    if (recorded === undefined || answer === undefined) continue;
    // A rejection has no effect: see `answered`.
    if (answer.type === "error" && recorded.change !== undefined) continue;
    if (answer.type !== "ack" || answer.offset !== recorded.offset)
      yield `${by} got ${JSON.stringify(answer)} for ${JSON.stringify(frame)}, which is stored at ${recorded.offset}`;
  }
}

function show(frame: RecordedFrame | undefined): string {
  return frame === undefined ? "nothing" : JSON.stringify(frame);
}
