import { textOf, type Recorded, type RecordedFrame } from "./recorded.ts";
import { ownKeysDeletion, refusalOf, type Shared, type StateRefusal } from "./shared.ts";

/** One request to record something. */
export interface Attempt {
  readonly recorded: Recorded;
  /** Whether the room rejected it; `undefined` while there is no answer, or where a crash cut the answer off. */
  isRejected: boolean | undefined;
  /** The states that may have been a reason to reject it. None once the act has taken effect: a repeat gets its ack. */
  met: readonly Shared[];
}

/** The end of a membership, which deletes the member's own keys if it has any by then. */
interface MembershipEnd {
  readonly leaves: string;
}

/** What one client wants recorded, in order. */
export type ActQueue = (Attempt | MembershipEnd)[];

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
    queue.shift();
    const refusal = whyNot(recorded, state);
    if (refusal !== undefined) found.wrong.push(`${recorded.text} is stored, and is ${refusal.code}`);
    log.add(recorded);
    // Without an answer, a later attempt may be the one that was stored. Then those between met the states before it.
    if (!queue.some((each) => isUnanswered(each, recorded))) starts.set(queue, log.states.length - 1);
  }
  for (const queue of queues)
    found.missing.push(...passOver(queue, log.states.slice(starts.get(queue)), mayLose));
  return found;
}

/** The number of frames that the ends of memberships in these queues add to the log. */
export function endedMembershipsIn(queues: readonly ActQueue[], state: Shared): number {
  return queues.flat().filter((each) => "leaves" in each && recordedOf(each, state) !== undefined).length;
}

/** Finds who asked next for what has this text. A rejected attempt stored nothing, but a later attempt may have. */
function nextWith(
  queues: readonly ActQueue[],
  text: string,
  state: Shared,
): { readonly queue: ActQueue; readonly index: number; readonly recorded: Recorded } | undefined {
  for (const queue of queues) {
    for (const [index, each] of queue.entries()) {
      const recorded = recordedOf(each, state);
      if (recorded === undefined || recorded.offset !== undefined) continue;
      const isRejected = "recorded" in each && each.isRejected === true;
      if (recorded.text === text && !isRejected) return { queue, index, recorded };
      if ("leaves" in each || recorded.change === undefined) break; // That is not refused.
    }
  }
  return undefined;
}

/** Records the states that unstored attempts met. Returns the attempts that should have been stored. */
function passOver(passed: ActQueue, met: readonly Shared[], mayLose: boolean): Recorded[] {
  return passed.flatMap((each) => {
    const recorded = recordedOf(each, met.at(-1) ?? NOTHING);
    if (recorded === undefined || recorded.offset !== undefined) return [];
    if ("recorded" in each) each.met = met;
    const isExcused =
      "recorded" in each && (mayLose || met.some((state) => whyNot(recorded, state) !== undefined));
    return isExcused ? [] : [recorded];
  });
}

/** Whether it is an attempt at something, and nobody knows what the room answered. */
function isUnanswered(each: Attempt | MembershipEnd, recorded: Recorded): boolean {
  return "recorded" in each && each.recorded === recorded && each.isRejected === undefined;
}

/** What is recorded; `undefined` for a member with which nothing ends. */
function recordedOf(each: Attempt | MembershipEnd, state: Shared): Recorded | undefined {
  if ("recorded" in each) return each.recorded;
  const { leaves: from } = each;
  const change = ownKeysDeletion(state, from);
  if (change === undefined) return undefined;
  const text = textOf({ type: "state", from, delete: change.deleted });
  return { from, text, change, isMembershipEnd: true, offset: undefined, time: undefined };
}

function whyNot({ change, from }: Recorded, state: Shared): StateRefusal | undefined {
  return change === undefined ? undefined : refusalOf(state, change, from);
}

const NOTHING: Shared = new Map();
