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

/** An act, its sender, and the reply; `undefined` if no reply is required. */
export interface AnsweredAct {
  readonly by: string;
  readonly act: PlannedAct;
  readonly answer: AnswerFrame | undefined;
}

/** What is checked: the expectations of the model, and what was stored, replied and received. */
export interface Evidence {
  readonly model: Model;
  readonly stored: readonly RecordedFrame[];
  /** The replies since the last check. */
  readonly answers: readonly AnsweredAct[];
  /** All live connections, and those that have ended since the last check. All have read everything they were sent. */
  readonly connections: readonly Connection[];
}

/** Reports each way in which a promise is broken. */
export type Check = (evidence: Evidence) => Iterable<string>;

/** The promises, each with its own check. */
const CHECKS: Readonly<Record<string, Check>> = {
  "[G1] recorded messages have the offsets 1, 2, 3 and so on, in the order in which everyone receives them":
    inOrder,
  "[G2] what was acked or delivered is stored": isStored,
  "[G3] a ref takes effect once, and a repeat gets its first reply": once,
  "[G4] a client that reconnects gets exactly the missed messages, or the reason why not": exactly,
  "[G8] a volatile message is delivered at most once, without an offset, and is not stored": atMostOnce,
  "[G9] joins and leaves are announced once to every member, and lists are correct": presenceIsTrue,
  "[T1 T2 T3 T4] every client knows the correct state, and only allowed acts change it": stateAgrees,
  "[L5 L7 G7] no more than a window is ever unread, and a client that reads again gets the rest": keptUp,
  "[A2 A5 A6 A7 A8 H2] every act gets its correct reply once": answered,
};

/** Checks the evidence against every promise. Returns the violations, one line each. */
export function judge(evidence: Evidence): readonly string[] {
  return Object.entries(CHECKS).flatMap(([promise, check]) => {
    const found = [...check(evidence)];
    return found.length === 0 ? [] : [promise, ...found.slice(0, MAX_SHOWN).map((line) => `  ${line}`)];
  });
}

/** One fault often shows up many times. */
const MAX_SHOWN = 4;
