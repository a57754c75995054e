import type { PresenceMode } from "../../protocol/contract.ts";
import { encodeFrame } from "../../protocol/encode.ts";
import { isFor, type Addressed, type Viewer } from "../../protocol/messages.ts";
import type { PresenceNews } from "../presence/presence-news.ts";

/** A frame that is already encoded as JSON text, with its addressees. */
export interface EncodedEntry extends Addressed {
  readonly text: string;
}

/** The shared contents of a flush, before they are encoded for a view. */
export interface FlushContents {
  /** A frame that precedes recorded messages. It is left out if there are none. */
  readonly before: string | undefined;
  readonly presence: PresenceNews | undefined;
  /** By offset. */
  readonly recorded: readonly EncodedEntry[];
  readonly volatile: readonly EncodedEntry[];
}

/** Decides which part of a flush a connection sees. Connections with the same view receive the same text. */
export interface View {
  readonly mode: PresenceMode;
  /** Whether volatile messages are left out. */
  readonly isLean: boolean;
  /** Whether presence is left out. */
  readonly isGone: boolean;
  /** The viewer. It names a member only if a message of the flush has addressees. */
  readonly viewer: Viewer;
  /** A position frame, if the last recorded message is for others. */
  readonly position: string | undefined;
}

/**
 * Encodes the shared contents of a flush for one view, in the order of rule F4: members that joined or changed, recorded
 * messages, volatile messages, members that left.
 */
export function encodeShared(contents: FlushContents, view: View): readonly string[] {
  const presence = view.isGone ? undefined : contents.presence;
  const recorded = contents.recorded.filter((entry) => isFor(entry, view.viewer));
  const volatile = view.isLean ? [] : contents.volatile.filter((entry) => isFor(entry, view.viewer));
  return [
    ...(contents.before !== undefined && contents.recorded.length > 0 ? [contents.before] : []),
    ...(presence === undefined ? [] : arrivalFrames(presence, view.mode)),
    ...recorded.map(({ text }) => text),
    ...(view.position === undefined ? [] : [view.position]),
    ...volatile.map(({ text }) => text),
    ...(presence === undefined ? [] : leaveFrames(presence, view.mode)),
  ];
}

/** Encodes the whole list of members, or their number, for a client that has missed changes. */
export function encodeRoster(
  { count, roster, listText }: Pick<PresenceNews, "count" | "roster" | "listText">,
  mode: PresenceMode,
): string {
  const frame = encodeFrame({ type: "presence", mode, roster, count });
  return mode === "count" ? frame : withField(frame, "members", listText);
}

/** Encodes everything that a client has missed of the list of members, or nothing if it receives only the number. */
export function encodeChanges(news: PresenceNews, mode: PresenceMode): readonly string[] {
  return [...arrivalFrames(news, mode), ...leaveFrames(news, mode)];
}

/** Adds a field to an encoded frame. The field's value is JSON text too. */
export function withField(frame: string, name: string, text: string): string {
  return `${frame.slice(0, -1)},"${name}":${text}}`;
}

function arrivalFrames(
  { joined, updated, left, count, roster, told }: PresenceNews,
  mode: PresenceMode,
): string[] {
  if (mode === "count" || told === "as a count") {
    return joined.length === left.length
      ? []
      : [encodeFrame({ type: "presence", mode: "count", roster, count })];
  }
  if (told === "as a count from now on")
    return [encodeFrame({ type: "presence", mode: "count", roster, count })];
  if (told === "as a list again" || (joined.length === 0 && updated.length === 0)) return [];
  return [
    encodeFrame({
      type: "presence",
      ...(joined.length > 0 && { joined }),
      ...(updated.length > 0 && { updated }),
      roster,
      count: count + left.length,
    }),
  ];
}

function leaveFrames(news: PresenceNews, mode: PresenceMode): string[] {
  const { left, count, roster, told } = news;
  if (mode === "count" || told === "as a count" || told === "as a count from now on") return [];
  if (told === "as a list again") return [encodeRoster(news, "list")];
  return left.length === 0 ? [] : [encodeFrame({ type: "presence", left, roster, count })];
}
