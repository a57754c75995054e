import { encodeBridgeFrame } from "../protocol/bridge-frames.ts";
import type { DialectName, PresenceMode } from "../protocol/contract.ts";
import { decodeClientText, type DecodedItems } from "../protocol/decode.ts";
import { encodeFrame } from "../protocol/encode.ts";
import type { LeaveReason, MemberEntry, ServerFrame } from "../protocol/frames.ts";
import { isFor, type Addressed, type Eyes } from "../protocol/messages.ts";
import { decodeClientBytes } from "../protocol/proto/client-decode.ts";
import { encodeServerFrames } from "../protocol/proto/server-encode.ts";
import { err, type Result } from "../protocol/result.ts";

/** A frame that is JSON text already, and whom it is for. */
export interface Said extends Addressed {
  readonly text: string;
}

/** Who came, changed and went in a flush. */
export interface PresenceNews {
  readonly joined: readonly MemberEntry[];
  readonly updated: readonly MemberEntry[];
  readonly left: readonly { readonly id: string; readonly reason: LeaveReason }[];
  /** Members once the flush is over. */
  readonly count: number;
  readonly roster: string;
  /** How members are told of it; the room may just have become too large to list, or small enough again. */
  readonly told: "as changes" | "as a count" | "as a count from now on" | "as a list again";
  /** Everyone, JSON text; "" unless they are listed again. */
  readonly listText: string;
}

/** What a flush has for everyone, before it is written for anyone. */
export interface FlushContents {
  /** A frame that comes first where anything recorded follows. */
  readonly before: string | undefined;
  readonly presence: PresenceNews | undefined;
  /** By offset. */
  readonly recorded: readonly Said[];
  readonly volatile: readonly Said[];
}

/** What of a flush some connections see, all of them alike. */
export interface View {
  readonly mode: PresenceMode;
  /** Whether volatile messages are left out. */
  readonly isLean: boolean;
  /** Whether presence is left out. */
  readonly isGone: boolean;
  /** Whose eyes it is seen with; one member's where a message is for some only. */
  readonly eyes: Eyes;
  /** A position frame, where messages for others went by. */
  readonly position: string | undefined;
}

/** A frame as it is sent: text, or bytes. The length of either is what counts in a lane. */
export type Written = string | Uint8Array<ArrayBuffer>;

/** What several connections are sent: items, JSON text joined by commas, and the frame that was made of them. */
export interface WrittenItems {
  readonly items: string;
  readonly count: number;
  readonly text: Written;
}

/** How one kind of connection is written to, and read. Inside a room everything is JSON. */
export interface Dialect {
  /** Writes items, JSON text joined by commas, as a frame. */
  write(items: string, isOne: boolean, position: string): Written;
  /** Writes what several connections are sent, and behind it items for one of them. */
  append(shared: WrittenItems, own: readonly string[], position: string): Written;
  /** Reads what a client sent. Total. */
  read(data: string | ArrayBuffer): Result<DecodedItems>;
}

/** The dialects by name. Two connections of the same dialect and view get the same frame, written once. */
export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  json: textDialect((text) => text),
  bridge: textDialect((text, position) => encodeBridgeFrame(position, text)),
  proto: {
    write: writeBytes,
    append: ({ text }, own) => concatenate(text, writeBytes(own.join(","))),
    read: (data) =>
      typeof data === "string" ? decodeClientText(data) : decodeClientBytes(new Uint8Array(data)),
  },
};

function textDialect(wrap: (text: string, position: string) => string): Dialect {
  const write = (items: string, isOne: boolean, position: string): string =>
    wrap(isOne ? items : `[${items}]`, position);
  return {
    write,
    append: ({ items, count }, own, position) =>
      write((count === 0 ? own : [items, ...own]).join(","), count + own.length === 1, position),
    read: (data) => (typeof data === "string" ? decodeClientText(data) : err({ code: "binary_frame" })),
  };
}

function writeBytes(items: string): Uint8Array<ArrayBuffer> {
  return encodeServerFrames(JSON.parse(`[${items}]`) as ServerFrame[]);
}

/** Two frames of the binary dialect as one. */
function concatenate(first: Written, second: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (typeof first === "string") return second; // Of another dialect: it cannot be.
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/**
 * Writes what a flush has for everyone of one view, in the order of rule F4: who came or changed, recorded messages,
 * volatile ones, who left.
 */
export function encodeShared(contents: FlushContents, view: View): readonly string[] {
  const presence = view.isGone ? undefined : contents.presence;
  const recorded = contents.recorded.filter((said) => isFor(said, view.eyes));
  const volatile = view.isLean ? [] : contents.volatile.filter((said) => isFor(said, view.eyes));
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
