import type { AnswerFrame } from "../../../src/protocol/frames.ts";
import type { PlannedAct } from "./act.ts";
import { once, inOrder, isStored } from "./check-log.ts";
import { presenceIsTrue } from "./check-presence.ts";
import { answered, atMostOnce, exactly } from "./check-reading.ts";
import { stateAgrees } from "./check-state.ts";
import { keptUp } from "./check-window.ts";
import type { Connection } from "./connection.ts";
import type { Model } from "./model.ts";
import type { RecordedFrame } from "./recorded.ts";

/** An act, who asked for it, and what came back; `undefined` where nothing has to. */
export interface AnsweredAct {
  readonly by: string;
  readonly act: PlannedAct;
  readonly answer: AnswerFrame | undefined;
}

/** What is judged: what should be so, by the model, beside what is stored, what was answered and what was read. */
export interface Evidence {
  readonly model: Model;
  readonly stored: readonly RecordedFrame[];
  /** What was answered since the last judgement. */
  readonly answers: readonly AnsweredAct[];
  /** Every live connection, and those that have ended since the last judgement. All have read what they were sent. */
  readonly connections: readonly Connection[];
}

/** Tells each way in which a promise is broken. */
export type Check = (evidence: Evidence) => Iterable<string>;

/** The promises, each judged by itself. */
const CHECKS: Readonly<Record<string, Check>> = {
  "[G1] recorded messages have the offsets 1, 2, 3 …, in the order in which everyone sees them": inOrder,
  "[G2] what was acked or delivered is stored": isStored,
  "[G3] a ref takes effect once, and gets its first answer again": once,
  "[G4] who comes back gets exactly what it missed, or is told why not": exactly,
  "[G8] a volatile message comes at most once, without an offset, and is not stored": atMostOnce,
  "[G9] joins and departures are told once to everyone here, and lists are true": presenceIsTrue,
  "[T1 T2 T3 T4] what anyone knows of the state, and what changes it, is what should be": stateAgrees,
  "[L5 L7 G7] no more than a window is ever unread, and who reads again is sent the rest": keptUp,
  "[A2 A5 A6 A7 A8 H2] every act is answered as it should be, once": answered,
};

/** Judges the evidence by every promise; returns what is broken, a line each. */
export function judge(evidence: Evidence): readonly string[] {
  return Object.entries(CHECKS).flatMap(([promise, check]) => {
    const found = [...check(evidence)];
    return found.length === 0 ? [] : [promise, ...found.slice(0, MAX_SHOWN).map((line) => `  ${line}`)];
  });
}

/** One fault is often seen many times. */
const MAX_SHOWN = 4;
