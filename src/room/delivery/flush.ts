import { isFor, type Viewer } from "../../protocol/messages.ts";
import type { WrittenItems } from "../../protocol/dialects.ts";
import { FORMATS } from "./formats.ts";
import { encodeShared, type FlushContents, type View } from "./flush-encoder.ts";
import type { Session } from "../connections/sessions.ts";

/** The text for every connection of one dialect and view, and its items. */
export interface SharedText extends WrittenItems {
  /** Whether a connection may miss the text and stay live, because everything in it is volatile. */
  readonly isVolatile: boolean;
}

/** One flush: its shared contents, the replies by session, and the texts written so far by view. */
export interface Flush {
  readonly contents: FlushContents;
  readonly own: ReadonlyMap<Session, readonly string[]>;
  /** The offset before its first recorded message. */
  readonly after: number;
  /** The position of a client that has received the flush. */
  readonly position: string;
  /** Whether it contains a message for some members only. */
  readonly isAddressed: boolean;
  readonly texts: Map<number | string, SharedText>;
}

/**
 * Returns the text of a flush for a connection. It is written once for all connections with the same view.
 *
 * @param isGone whether its member has left
 * @param filtered a position frame, if messages for others have moved the log far beyond the member's position
 */
export function textFor(
  session: Session,
  flush: Flush,
  isGone: boolean,
  filtered: string | undefined,
): SharedText {
  const isLean = !session.sendWindow.keepsUp;
  // This runs for every connection of every flush, so the key is a number, and few texts are written.
  const viewKey =
    session.viewKey * 8 + (isLean ? 4 : 0) + (isGone ? 2 : 0) + (filtered === undefined ? 0 : 1);
  const name = flush.isAddressed ? `${viewKey} ${viewerOf(session).member ?? ""}` : viewKey;
  let shared = flush.texts.get(name);
  if (shared === undefined) flush.texts.set(name, (shared = write(session, flush, isLean, isGone, filtered)));
  return shared;
}

function write(
  session: Session,
  flush: Flush,
  isLean: boolean,
  isGone: boolean,
  filtered: string | undefined,
): SharedText {
  const { record, rights } = session;
  const { recorded, presence } = flush.contents;
  const view: View = {
    mode: rights.may("members") ? record.mode : "count",
    isLean,
    isGone,
    viewer: flush.isAddressed ? viewerOf(session) : { ...viewerOf(session), member: undefined },
    position: filtered,
  };
  const texts = encodeShared(flush.contents, view);
  const items = texts.join(",");
  const text = FORMATS[record.dialect].write(items, texts.length === 1, flush.position);
  const isVolatile = recorded.length === 0 && (presence === undefined || isGone);
  return { items, count: texts.length, text, isVolatile };
}

/** Whether a flush has the first messages of a log that is not stored. A client with a position in another log must rejoin. */
export function startsLog({ contents }: Flush): boolean {
  return contents.before !== undefined && contents.recorded.length > 0;
}

/** Whether the last recorded message of a flush is for others than this connection. */
export function passesBy(session: Session, { contents, isAddressed }: Flush): boolean {
  const last = contents.recorded.at(-1);
  return isAddressed && last !== undefined && !isFor(last, viewerOf(session));
}

/** The viewer of a connection. */
export function viewerOf({ record, rights }: Session): Viewer {
  const member = record.viewOnly === true ? undefined : record.member;
  return { member, seesState: rights.may("state") };
}
