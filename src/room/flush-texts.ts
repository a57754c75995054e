import { isFor, type Eyes } from "../protocol/messages.ts";
import { DIALECTS, encodeShared, type FlushContents, type View } from "./dialects.ts";
import type { Session } from "./sessions.ts";

/** What every connection of one dialect and view is sent, and the items it is made of. */
export interface SharedText {
  readonly items: string;
  readonly count: number;
  readonly text: string;
  /** Whether nothing in it is missed by who does not get it. */
  readonly isVolatile: boolean;
}

/** What one flush sends: the contents, what was answered to whom, and the texts written so far, by view. */
export interface Flush {
  readonly contents: FlushContents;
  readonly own: ReadonlyMap<Session, readonly string[]>;
  /** The offset before its first recorded message. */
  readonly after: number;
  /** Whether some of it is for some members only. */
  readonly isAddressed: boolean;
  readonly texts: Map<string, SharedText>;
}

/** What of a connection's view its session does not tell. */
export interface Sight {
  /** Whether its member has left. */
  readonly isGone: boolean;
  /** A position frame, where messages for others went by. */
  readonly filtered: string | undefined;
  /** Where the flush brings its reader. */
  readonly position: string;
}

/** What a flush has for a connection and all that see the same, written for the first of them. */
export function textFor(session: Session, flush: Flush, sight: Sight): SharedText {
  const isLean = !session.lane.keepsUp;
  const member = flush.isAddressed ? (eyesOf(session).member ?? "") : "";
  // For every connection of every flush, so no more is done for it than must be.
  const name = `${session.look} ${isLean} ${sight.isGone} ${sight.filtered === undefined} ${member}`;
  let shared = flush.texts.get(name);
  if (shared === undefined) flush.texts.set(name, (shared = write(session, flush, sight, isLean)));
  return shared;
}

function write(session: Session, flush: Flush, sight: Sight, isLean: boolean): SharedText {
  const { record, rights } = session;
  const { recorded, presence } = flush.contents;
  const view: View = {
    mode: rights.may("members") ? record.mode : "count",
    isLean,
    isGone: sight.isGone,
    eyes: flush.isAddressed ? eyesOf(session) : { ...eyesOf(session), member: undefined },
    position: sight.filtered,
  };
  const texts = encodeShared(flush.contents, view);
  const items = texts.join(",");
  const text = DIALECTS[record.dialect](items, texts.length === 1, sight.position);
  const isVolatile = recorded.length === 0 && (presence === undefined || sight.isGone);
  return { items, count: texts.length, text, isVolatile };
}

/** Whether a flush has the first messages of a log that is not stored: who stood in another can only begin anew. */
export function startsLog({ contents }: Flush): boolean {
  return contents.before !== undefined && contents.recorded.length > 0;
}

/** Whether the last recorded message of a flush is for others than this connection. */
export function passesBy(session: Session, { contents, isAddressed }: Flush): boolean {
  const last = contents.recorded.at(-1);
  return isAddressed && last !== undefined && !isFor(last, eyesOf(session));
}

/** What a connection sees with. */
export function eyesOf({ record, rights }: Session): Eyes {
  const member = record.viewOnly === true ? undefined : record.member;
  return { member, seesState: rights.may("state") };
}
