import fc from "fast-check";
import type { AnswerFrame, MessageFrame } from "../../../src/protocol/frames.ts";
import { act, isDone, isRefused, record, type Act, type Actor, type PlannedAct } from "./act.ts";
import type { Model } from "./model.ts";
import { textOf, type Recorded } from "./recorded.ts";
import { set } from "./set.ts";

const publish = act("publish", 5, fc.record({ isNumbered: fc.boolean() }), publishAnew);

const publishTo = act(
  "publish to",
  2,
  fc.record({ members: fc.uniqueArray(fc.nat(3), { minLength: 1 }) }),
  (actor, { members }) =>
    publishAnew(actor, { isNumbered: true, to: members.map((index) => idOf(actor, index)) }),
);

/** The id of one of the clients, or of a client that never joins. */
function idOf({ model }: Actor, index: number): string {
  return model.ids[index] ?? "A".repeat(22);
}

const repeat = act("repeat", 4, fc.record({ nth: fc.nat(20) }), (actor, { nth }) => {
  const acts = [...actor.client.acts.values()];
  const before = acts[nth % acts.length];
  if (before === undefined) return publishAnew(actor, { isNumbered: true });
  return record(actor, before.frame, before.recorded);
});

const volatile = act("volatile", 3, fc.record({ key: fc.constantFrom("a", undefined) }), (actor, { key }) => {
  const { model, client } = actor;
  const message = { event: "moved", data: client.nextText() };
  const frame = { type: "publish", ...message, volatile: true, ...(key !== undefined && { key }) };
  if (!model.members.has(client.id)) return { frame, judge: isRefused("not_joined") };
  model.sendVolatile(textOf({ type: "message", from: client.id, ...message }), `${client.id} ${key ?? ""}`);
  return { frame, judge: isDone };
});

const presence = act("presence", 3, fc.record({ data: fc.nat(3) }), ({ model, client }, { data }) => {
  const frame = { type: "presence", ref: client.nextRef(), data };
  if (!model.members.has(client.id)) return { frame, judge: isRefused("not_joined") };
  model.setPresence(client.id, data);
  return { frame, judge: isDone };
});

const range = fc.record(
  { after: fc.nat(12), before: fc.nat(12), limit: fc.integer({ min: 1, max: 4 }) },
  { requiredKeys: ["limit"] },
);

const history = act("history", 2, range, (actor, asked) =>
  readHistory(actor, mayReread(actor, asked) ? asked : NO_RANGE),
);

/** Publishes a message so large that a few of them fill a window. */
export const largePublish: Act = {
  plan: (actor) => publishAnew(actor, { isNumbered: true, more: "x".repeat(LARGE) }),
  toString: () => "publish a large message",
};

/** Close to the maximum size of a frame. */
const LARGE = 60_000;

/**
 * Large messages are sent again to a connection at most this many times, so that it is never closed for it (L6, L7).
 */
const MAX_REREAD = 4;

/** Whether a client may request messages. It may request large messages again only a few times. */
function mayReread({ model, client }: Actor, asked: Range): boolean {
  const connection = model.connectionOf(client.id);
  if (connection === undefined) return true;
  // The content of the page is not known yet: more large messages may be published in the same step.
  const large = model.log.some(({ text }) => text.length > LARGE) ? asked.limit : 0;
  if (connection.reread + large > MAX_REREAD) return false;
  connection.reread += large;
  return true;
}

/** Requests something that changes nothing and takes no space: an empty page. */
export const asking: Act = {
  plan: (actor) => readHistory(actor, NO_RANGE),
  toString: () => "ask",
};

/** Requests the large messages after an offset. */
export function askingAfter(after: number): Act {
  return {
    plan: (actor) => readHistory(actor, { after, limit: LARGE_PUBLISHES }),
    toString: () => `request messages after ${after}`,
  };
}

/** The number of large messages that one client publishes at once. */
export const LARGE_PUBLISHES = 3;

/** The maximum size of a reply to {@link askingAfter}, in characters. */
export const CHARS_ASKED = LARGE_PUBLISHES * (LARGE + 500);

function readHistory({ model, client }: Actor, asked: Range): PlannedAct {
  const frame = { type: "history", ref: client.nextRef(), ...asked };
  if (!model.members.has(client.id)) return { frame, judge: isRefused("not_joined") };
  const oldHead = model.head;
  // The page may or may not include messages that are published at the same time.
  const isPage = (answer: AnswerFrame): string | undefined => {
    const heads = Array.from({ length: model.head - oldHead + 1 }, (_, more) => oldHead + more);
    return heads.some((head) => samePage(answer, pageOf(model, client.id, asked, head)))
      ? undefined
      : `not the requested page: ${JSON.stringify(answer)}`;
  };
  return { frame, judge: isPage };
}

/** Repeats what was recorded, or was to be recorded, under a ref. */
export function repeatOf(ref: number): Act {
  return {
    plan(actor) {
      const act = actor.client.acts.get(ref);
      if (act === undefined) throw new Error(`no act has the ref ${ref}`);
      return record(actor, act.frame, act.recorded);
    },
    toString: () => `repeat of ${ref}`,
  };
}

/** Ends the membership. Sequences have a separate step for it, because it ends the connection too. */
export const leaving: Act = {
  plan({ model, client, queue }) {
    const frame = { type: "leave", ref: client.nextRef() };
    if (!model.members.has(client.id)) return { frame, judge: isRefused("not_joined") };
    model.endMembership(client.id, "left", queue);
    return { frame, judge: isDone };
  },
  toString: () => "leave",
};

/** Any act that a crash may lose. The model learns what was stored, and the client repeats it. */
export const anyMessage = fc.oneof(publish, publishTo, set, repeat, volatile);

/** Any act after which the member stays. */
export const anyAct = fc.oneof(publish, publishTo, set, repeat, volatile, presence, history);

/** A new message. */
interface NewMessage {
  readonly isNumbered: boolean;
  readonly to?: readonly string[];
  readonly more?: string;
}

function publishAnew(actor: Actor, { isNumbered, to, more = "" }: NewMessage): PlannedAct {
  const { client } = actor;
  const from = client.id;
  const message = { event: "chat", data: client.nextText() + more, ...(to !== undefined && { to }) };
  const frame = { type: "publish", ...message, ...(isNumbered && { ref: client.nextRef() }) };
  const text = textOf({ type: "message", from, ...message });
  const recorded: Recorded = { from, text, to, offset: undefined, time: undefined };
  // Large messages are not repeated, because a few of them spend a budget.
  if (frame.ref !== undefined && more === "") client.acts.set(frame.ref, { frame, recorded });
  return record(actor, frame, recorded);
}

/** A range of messages to request. The bounds are exclusive. */
interface Range {
  readonly after?: number;
  readonly before?: number;
  readonly limit: number;
}

/** No message precedes the first one. */
export const NO_RANGE: Range = { before: 1, limit: 1 };

interface Page {
  readonly messages: readonly Recorded[];
  readonly more: boolean;
}

/** The page of history that rule A8 gives a member, from a log that ends at `head`. */
function pageOf(model: Model, id: string, { after, before = Infinity, limit }: Range, head: number): Page {
  const visible = model.visible(id, Math.max(after ?? 0, model.floor), Math.min(head, before - 1));
  const range = visible.filter(({ change }) => change === undefined);
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
