import { textOf, type Recorded, type RecordedFrame } from "./recorded.ts";
import { departureOf, refusalOf, type Shared, type StateRefusal } from "./shared.ts";

/** One time that something was asked to be recorded. */
export interface Attempt {
  readonly recorded: Recorded;
  /** Whether the room rejected it; `undefined` while there is no answer, or where a crash cut the answer off. */
  isRejected: boolean | undefined;
  /** The states that may have been a reason to reject it. None once the act has taken effect: a repeat gets its ack. */
  met: readonly Shared[];
}

/** A member's departure, which deletes the keys that end with it, if there are any by then. */
interface Departing {
  readonly departs: string;
}

/** What one client wants recorded, in its order. */
export type Lane = (Attempt | Departing)[];

/** The log as it grows. */
export interface Growing {
  /** The state at each offset. */
  readonly states: readonly Shared[];
  /** Adds what is stored next. */
  add(recorded: Recorded): void;
}

/** What became of lanes that a promise rules out. */
export interface Found {
  /** Stored though no one had asked for it, or not then. */
  readonly unexpected: RecordedFrame[];
  /** Stored where it should have been refused. */
  readonly wrong: string[];
  /** Asked for, with nothing to refuse it for, and not stored. */
  readonly missing: Recorded[];
}

/** Puts what was stored where it was asked for: each lane in its order, the lanes in any. */
export function follow(
  lanes: readonly Lane[],
  fresh: readonly RecordedFrame[],
  log: Growing,
  mayLose: boolean,
): Found {
  const found: Found = { unexpected: [], wrong: [], missing: [] };
  const starts = new Map(lanes.map((lane) => [lane, log.states.length - 1]));
  for (const frame of fresh) {
    const state = log.states.at(-1) ?? NOTHING;
    const next = nextWith(lanes, textOf(frame), state);
    if (next === undefined) {
      found.unexpected.push(frame);
      continue;
    }
    const { lane, index, recorded } = next;
    const met = log.states.slice(starts.get(lane));
    // Of one lane a crash takes the end: what came before something that is stored was refused, or is missing.
    found.missing.push(...passOver(lane.splice(0, index), met, false));
    lane.shift();
    const refusal = whyNot(recorded, state);
    if (refusal !== undefined) found.wrong.push(`${recorded.text} is stored, and is ${refusal.code}`);
    log.add(recorded);
    // Without an answer, a later attempt may be the one that was stored. Then those between met the states before it.
    if (!lane.some((each) => isUnanswered(each, recorded))) starts.set(lane, log.states.length - 1);
  }
  for (const lane of lanes)
    found.missing.push(...passOver(lane, log.states.slice(starts.get(lane)), mayLose));
  return found;
}

/** How many frames the departures in lanes add to the log. */
export function departuresIn(lanes: readonly Lane[], state: Shared): number {
  return lanes.flat().filter((each) => "departs" in each && recordedOf(each, state) !== undefined).length;
}

/** Finds who asked next for what has this text. A rejected attempt stored nothing, but a later attempt may have. */
function nextWith(
  lanes: readonly Lane[],
  text: string,
  state: Shared,
): { readonly lane: Lane; readonly index: number; readonly recorded: Recorded } | undefined {
  for (const lane of lanes) {
    for (const [index, each] of lane.entries()) {
      const recorded = recordedOf(each, state);
      if (recorded === undefined || recorded.offset !== undefined) continue;
      const isRejected = "recorded" in each && each.isRejected === true;
      if (recorded.text === text && !isRejected) return { lane, index, recorded };
      if ("departs" in each || recorded.change === undefined) break; // That is not refused.
    }
  }
  return undefined;
}

/** Notes what attempts met that came to nothing; returns those that should not have. */
function passOver(passed: Lane, met: readonly Shared[], mayLose: boolean): Recorded[] {
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
function isUnanswered(each: Attempt | Departing, recorded: Recorded): boolean {
  return "recorded" in each && each.recorded === recorded && each.isRejected === undefined;
}

/** What is recorded; `undefined` for a member with which nothing ends. */
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
