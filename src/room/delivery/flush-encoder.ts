import type { PresenceMode } from "../../protocol/contract.ts";
import { encodeFrame } from "../../protocol/encode.ts";
import { isFor, type Addressed, type Viewer } from "../../protocol/messages.ts";
import type { PresenceNews } from "../presence/presence-news.ts";

/** A frame that is JSON text already, and whom it is for. */
export interface EncodedEntry extends Addressed {
  readonly text: string;
}

/** What a flush has for everyone, before it is written for anyone. */
export interface FlushContents {
  /** A frame that comes first where anything recorded follows. */
  readonly before: string | undefined;
  readonly presence: PresenceNews | undefined;
  /** By offset. */
  readonly recorded: readonly EncodedEntry[];
  readonly volatile: readonly EncodedEntry[];
}

/** What of a flush some connections see, all of them alike. */
export interface View {
  readonly mode: PresenceMode;
  /** Whether volatile messages are left out. */
  readonly isLean: boolean;
  /** Whether presence is left out. */
  readonly isGone: boolean;
  /** Who sees it; one member where a message is for some only. */
  readonly viewer: Viewer;
  /** A position frame, where messages for others went by. */
  readonly position: string | undefined;
}

/**
 * Writes what a flush has for everyone of one view, in the order of rule F4: who came or changed, recorded messages,
 * volatile ones, who left.
 */
export function encodeShared(contents: FlushContents, view: View): readonly string[] {
  const presence = view.isGone ? undefined : contents.presence;
  const recorded = contents.recorded.filter((entry) => isFor(entry, view.viewer));
  const volatile = view.isLean ? [] : contents.volatile.filter((entry) => isFor(entry, view.viewer));
  return [
    ...(contents.before !== undefined && contents.recorded.length > 0 ? [contents.before] : []),
    ...(presence === undefined ? [] : arrivals(presence, view.mode)),
    ...recorded.map(({ text }) => text),
    ...(view.position === undefined ? [] : [view.position]),
    ...volatile.map(({ text }) => text),
    ...(presence === undefined ? [] : departures(presence, view.mode)),
  ];
}

/** Writes the whole list of members, or their number, for one who cannot know it. */
export function encodeRoster(
  { count, roster, listText }: Pick<PresenceNews, "count" | "roster" | "listText">,
  mode: PresenceMode,
): string {
  const frame = encodeFrame({ type: "presence", mode, roster, count });
  return mode === "count" ? frame : withField(frame, "members", listText);
}

/** Adds a field that is JSON text already to a frame that is. */
export function withField(frame: string, name: string, text: string): string {
  return `${frame.slice(0, -1)},"${name}":${text}}`;
}

function arrivals(
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

function departures(news: PresenceNews, mode: PresenceMode): string[] {
  const { left, count, roster, told } = news;
  if (mode === "count" || told === "as a count" || told === "as a count from now on") return [];
  if (told === "as a list again") return [encodeRoster(news, "list")];
  return left.length === 0 ? [] : [encodeFrame({ type: "presence", left, roster, count })];
}
