import fc from "fast-check";
import type { ErrorCode } from "../../../src/protocol/errors.ts";
import type { AnswerFrame, ErrorFrame } from "../../../src/protocol/frames.ts";
import type { Model } from "./model.ts";
import type { Client } from "./client.ts";
import type { Recorded } from "./recorded.ts";
import type { Attempt, ActQueue } from "./act-queues.ts";
import type { StateRefusal } from "./shared.ts";
import { refusalOf } from "./shared.ts";

/** The sender of an act, and the queue for what it wants recorded. Nothing overtakes within a queue. */
export interface Actor {
  readonly model: Model;
  readonly client: Client;
  readonly queue: ActQueue;
}

/** A frame of a client. */
export type ActFrame = Readonly<Record<string, unknown>> & { readonly type: string; readonly ref?: number };

/** An act as it is sent, and its expected outcome. */
export interface PlannedAct {
  readonly frame: ActFrame;
  /** What it records, or has recorded already. */
  readonly recorded?: Recorded;
  /** This time that it is asked to be recorded. */
  readonly attempt?: Attempt;
  /** Says what is wrong with an answer. Called once the model knows what is stored. */
  judge(answer: AnswerFrame): string | undefined;
}

/** Something that a client may do. Planning it also applies it to the model. */
export interface Act {
  plan(actor: Actor): PlannedAct;
  toString(): string;
}

/** Defines an act by its possible arguments and its effect. */
export function act<Args>(
  name: string,
  weight: number,
  args: fc.Arbitrary<Args>,
  plan: (actor: Actor, args: Args) => PlannedAct,
): fc.WeightedArbitrary<Act> {
  const arbitrary = args.map((each) => ({
    plan: (actor: Actor) => plan(actor, each),
    toString: () => `${name} ${fc.stringify(each)}`,
  }));
  return { weight, arbitrary };
}

/** An act that is stored already stays stored. Any other act is for members only, both as senders and as addressees. */
export function record({ model, client, queue }: Actor, frame: ActFrame, recorded: Recorded): PlannedAct {
  const attempt: Attempt = { recorded, isRejected: undefined, met: [] };
  if (recorded.offset === undefined) {
    if (!model.members.has(client.id)) return { frame, judge: isRefused("not_joined") };
    if (recorded.to?.some((id) => !model.members.has(id)) === true)
      return { frame, judge: isRefused("unknown_member") };
    queue.push(attempt);
  }
  const isTaken = (answer: AnswerFrame): string | undefined => {
    if (answer.type === "ack" && answer.offset !== undefined) return undefined;
    const reasons = reasonsAgainst(attempt);
    if (answer.type === "error" && reasons.some((reason) => isReason(answer, reason))) return undefined;
    const others = reasons.map((reason) => `, or ${JSON.stringify(reason)}`).join("");
    return `not an ack with an offset${others}: ${JSON.stringify(answer)}`;
  };
  return { frame, recorded, attempt, judge: isTaken };
}

/** The reasons why an attempt may have been rejected, one for each state that it may have met. */
function reasonsAgainst({ recorded: { change, from }, met }: Attempt): StateRefusal[] {
  if (change === undefined) return [];
  return met.flatMap((state) => refusalOf(state, change, from) ?? []);
}

function isReason({ code, versions }: ErrorFrame, reason: StateRefusal): boolean {
  return code === reason.code && JSON.stringify(versions) === JSON.stringify(reason.versions);
}

export function isDone(answer: AnswerFrame): string | undefined {
  return answer.type === "ack" && answer.offset === undefined
    ? undefined
    : `not a plain ack: ${JSON.stringify(answer)}`;
}

export function isRefused(code: ErrorCode): (answer: AnswerFrame) => string | undefined {
  return (answer) =>
    answer.type === "error" && answer.code === code ? undefined : `not ${code}: ${JSON.stringify(answer)}`;
}
