import fc from "fast-check";
import type { ErrorCode } from "../../../src/protocol/errors.ts";
import type { AnswerFrame, MessageFrame } from "../../../src/protocol/frames.ts";
import type { Model } from "./model.ts";
import type { Player } from "./player.ts";
import { textOf, type Recorded } from "./recorded.ts";

/** Who acts, and the lane for what it wants recorded: nothing overtakes within one. */
export interface Actor {
  readonly model: Model;
  readonly player: Player;
  readonly lane: Recorded[];
}

/** A frame of a client. */
export type ActFrame = Readonly<Record<string, unknown>> & { readonly type: string; readonly ref?: number };

/** An act as it is sent, and what is to come of it. */
export interface PlannedAct {
  readonly frame: ActFrame;
  /** What it records, or has recorded before. */
  readonly recorded?: Recorded;
  /** Says what is wrong with an answer. Called once the model knows what is stored. */
  judge(answer: AnswerFrame): string | undefined;
}

/** Something that a client may do. Once it is planned, the model has it done. */
export interface Act {
  plan(actor: Actor): PlannedAct;
  toString(): string;
}

/** Defines an act by what it may be given and what it comes to. */
function act<Args>(
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

const publish = act("publish", 6, fc.record({ isNumbered: fc.boolean() }), publishAnew);

const repeat = act("repeat", 4, fc.record({ nth: fc.nat(20) }), (actor, { nth }) => {
  const acts = [...actor.player.acts.values()];
  const before = acts[nth % acts.length];
  if (before === undefined) return publishAnew(actor, { isNumbered: true });
  return record(actor, before.frame, before.recorded);
});

const volatile = act("volatile", 3, fc.record({ key: fc.constantFrom("a", undefined) }), (actor, { key }) => {
  const { model, player } = actor;
  const said = { event: "moved", data: player.nextWord() };
  const frame = { type: "publish", ...said, volatile: true, ...(key !== undefined && { key }) };
  if (!model.members.has(player.id)) return { frame, judge: isRefused("not_joined") };
  model.sendVolatile(textOf({ type: "message", from: player.id, ...said }), key && `${player.id} ${key}`);
  return { frame, judge: isDone };
});

const presence = act("presence", 3, fc.record({ data: fc.nat(3) }), ({ model, player }, { data }) => {
  const frame = { type: "presence", ref: player.nextRef(), data };
  if (!model.members.has(player.id)) return { frame, judge: isRefused("not_joined") };
  model.say(player.id, data);
  return { frame, judge: isDone };
});

const range = fc.record(
  { after: fc.nat(12), before: fc.nat(12), limit: fc.integer({ min: 1, max: 4 }) },
  { requiredKeys: ["limit"] },
);

const history = act("history", 2, range, readHistory);

/** Asks for something that changes nothing: the newest message. */
export const asking: Act = {
  plan: (actor) => readHistory(actor, { limit: 1 }),
  toString: () => "ask",
};

function readHistory({ model, player }: Actor, asked: Range): PlannedAct {
  const frame = { type: "history", ref: player.nextRef(), ...asked };
  if (!model.members.has(player.id)) return { frame, judge: isRefused("not_joined") };
  const oldHead = model.head;
  // What is said at the same time may be in it, or not yet.
  const isPage = (answer: AnswerFrame): string | undefined => {
    const heads = Array.from({ length: model.head - oldHead + 1 }, (_, more) => oldHead + more);
    return heads.some((head) => samePage(answer, pageOf(model, asked, head)))
      ? undefined
      : `not the page that was asked for: ${JSON.stringify(answer)}`;
  };
  return { frame, judge: isPage };
}

/** Repeats what was recorded, or was to be, under a ref. */
export function repeatOf(ref: number): Act {
  return {
    plan(actor) {
      const act = actor.player.acts.get(ref);
      if (act === undefined) throw new Error(`there was no act ${ref}`);
      return record(actor, act.frame, act.recorded);
    },
    toString: () => `repeat of ${ref}`,
  };
}

/** Ends the membership; a sequence has a step of its own for it, since it ends the connection too. */
export const leaving: Act = {
  plan({ model, player }) {
    const frame = { type: "leave", ref: player.nextRef() };
    if (!model.members.has(player.id)) return { frame, judge: isRefused("not_joined") };
    model.depart(player.id, "left");
    return { frame, judge: isDone };
  },
  toString: () => "leave",
};

/** Anything a member may say that a crash may swallow: the model knows what of it was stored, and by whom it is repeated. */
export const anyMessage = fc.oneof(publish, repeat, volatile);

/** Anything a member may do and stay. */
export const anyAct = fc.oneof(publish, repeat, volatile, presence, history);

function publishAnew(actor: Actor, { isNumbered }: { readonly isNumbered: boolean }): PlannedAct {
  const { player } = actor;
  const said = { event: "said", data: player.nextWord() };
  const frame = { type: "publish", ...said, ...(isNumbered && { ref: player.nextRef() }) };
  const text = textOf({ type: "message", from: player.id, ...said });
  const recorded: Recorded = { text, offset: undefined, time: undefined };
  if (frame.ref !== undefined) player.acts.set(frame.ref, { frame, recorded });
  return record(actor, frame, recorded);
}

/** What is stored already stays where it is; anything else is for members only. */
function record({ model, player, lane }: Actor, frame: ActFrame, recorded: Recorded): PlannedAct {
  const isStored = recorded.offset !== undefined;
  if (!isStored && !model.members.has(player.id)) return { frame, judge: isRefused("not_joined") };
  if (!isStored && !lane.includes(recorded)) lane.push(recorded);
  return {
    frame,
    recorded,
    judge: (answer) =>
      answer.type === "ack" && answer.offset !== undefined
        ? undefined
        : `not an ack with an offset: ${JSON.stringify(answer)}`,
  };
}

function isDone(answer: AnswerFrame): string | undefined {
  return answer.type === "ack" && answer.offset === undefined
    ? undefined
    : `not a plain ack: ${JSON.stringify(answer)}`;
}

function isRefused(code: ErrorCode): (answer: AnswerFrame) => string | undefined {
  return (answer) =>
    answer.type === "error" && answer.code === code ? undefined : `not ${code}: ${JSON.stringify(answer)}`;
}

/** Which messages are asked for, bounds exclusive. */
interface Range {
  readonly after?: number;
  readonly before?: number;
  readonly limit: number;
}

interface Page {
  readonly messages: readonly Recorded[];
  readonly more: boolean;
}

/** The page of history that rule A8 gives, of a log that ends at `head`. */
function pageOf({ log, floor }: Model, { after, before = Infinity, limit }: Range, head: number): Page {
  const low = Math.max(after ?? 0, floor);
  const range = log.slice(0, head).filter((_, index) => index + 1 > low && index + 1 < before);
  const messages = after === undefined ? range.slice(-limit) : range.slice(0, limit);
  return { messages, more: range.length > limit };
}

function samePage(answer: AnswerFrame, { messages, more }: Page): boolean {
  if (answer.type !== "history" || answer.more !== more || answer.messages.length !== messages.length)
    return false;
  const isSame = (message: MessageFrame, index: number): boolean =>
    message.offset === messages[index]?.offset && textOf(message) === messages[index]?.text;
  return answer.messages.every(isSame);
}
