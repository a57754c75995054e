import { textOf, type Recorded, type RecordedFrame } from "./recorded.ts";
import { departureOf, refusalOf, type Shared, type StateRefusal } from "./shared.ts";

/** One request to record something. */
export interface Attempt {
  readonly recorded: Recorded;
  /** If it was rejected: the states that the room may have had when it looked at it. */
  met: readonly Shared[];
}

/** The end of a membership, which deletes the member's own keys if it has any by then. */
interface Departing {
  readonly departs: string;
}

/** What one client wants recorded, in order. */
export type ActQueue = (Attempt | Departing)[];

/** The log while it grows. */
export interface Growing {
  /** The state at each offset. */
  readonly states: readonly Shared[];
  /** Adds what is stored next. */
  add(recorded: Recorded): void;
}

/** Outcomes of the queues that break a promise. */
export interface Found {
  /** Frames that were stored although nobody requested them, or not at that time. */
  readonly unexpected: RecordedFrame[];
  /** Frames that were stored although they should have been rejected. */
  readonly wrong: string[];
  /** Requests that were not stored although nothing justified a rejection. */
  readonly missing: Recorded[];
}

/** Matches stored frames to the requests: in order within each queue, in any order between queues. */
export function follow(
  queues: readonly ActQueue[],
  fresh: readonly RecordedFrame[],
  log: Growing,
  mayLose: boolean,
): Found {
  const found: Found = { unexpected: [], wrong: [], missing: [] };
  const starts = new Map(queues.map((queue) => [queue, log.states.length - 1]));
  for (const frame of fresh) {
    const state = log.states.at(-1) ?? NOTHING;
    const next = nextWith(queues, textOf(frame), state);
    if (next === undefined) {
      found.unexpected.push(frame);
      continue;
    }
    const { queue, index, recorded } = next;
    const met = log.states.slice(starts.get(queue));
    // A crash can only lose the end of a queue. So requests before a stored one were rejected, or are missing.
    found.missing.push(...passOver(queue.splice(0, index), met, false));
    const asked = queue.shift();
    // If an earlier attempt was rejected, an earlier state was the reason. The last attempt was accepted.
    if (asked !== undefined && "recorded" in asked) asked.met = met;
    const refusal = whyNot(recorded, state);
    if (refusal !== undefined) found.wrong.push(`${recorded.text} is stored, and is ${refusal.code}`);
    log.add(recorded);
    starts.set(queue, log.states.length - 1);
  }
  for (const queue of queues)
    found.missing.push(...passOver(queue, log.states.slice(starts.get(queue)), mayLose));
  return found;
}

/** The number of frames that the ends of memberships in these queues add to the log. */
export function departuresIn(queues: readonly ActQueue[], state: Shared): number {
  return queues.flat().filter((each) => "departs" in each && recordedOf(each, state) !== undefined).length;
}

/** Finds the next request with this text. */
function nextWith(
  queues: readonly ActQueue[],
  text: string,
  state: Shared,
): { readonly queue: ActQueue; readonly index: number; readonly recorded: Recorded } | undefined {
  for (const queue of queues) {
    for (const [index, each] of queue.entries()) {
      const recorded = recordedOf(each, state);
      if (recorded === undefined || recorded.offset !== undefined) continue;
      if (recorded.text === text) return { queue, index, recorded };
      if ("departs" in each || recorded.change === undefined) break; // these are never rejected
    }
  }
  return undefined;
}

/** Records the states that unstored attempts met. Returns the attempts that should have been stored. */
function passOver(passed: ActQueue, met: readonly Shared[], mayLose: boolean): Recorded[] {
  return passed.flatMap((each) => {
    const recorded = recordedOf(each, met.at(-1) ?? NOTHING);
    if ("recorded" in each) each.met = met;
    if (recorded === undefined || recorded.offset !== undefined) return [];
    const isExcused =
      "recorded" in each && (mayLose || met.some((state) => whyNot(recorded, state) !== undefined));
    return isExcused ? [] : [recorded];
  });
}

/** What is recorded; `undefined` for a member without own keys. */
function recordedOf(each: Attempt | Departing, state: Shared): Recorded | undefined {
  if ("recorded" in each) return each.recorded;
  const { departs: from } = each;
  const change = departureOf(state, from);
  if (change === undefined) return undefined;
  const text = textOf({ type: "state", from, delete: change.deleted });
  return { from, text, change, isDeparture: true, offset: undefined, time: undefined };
}

function whyNot({ change, from }: Recorded, state: Shared): StateRefusal | undefined {
  return change === undefined ? undefined : refusalOf(state, change, from);
}

const NOTHING: Shared = new Map();
