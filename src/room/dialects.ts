import { encodeBridgeFrame } from "../protocol/bridge-frames.ts";
import type { DialectName, PresenceMode } from "../protocol/contract.ts";
import { encodeFrame } from "../protocol/encode.ts";
import type { LeaveReason, MemberEntry } from "../protocol/frames.ts";

/** What a flush has for everyone, before it is written for anyone. */
export interface FlushContents {
  readonly joined: readonly MemberEntry[];
  readonly updated: readonly MemberEntry[];
  /** Message frames as stored, JSON text, by offset. */
  readonly recorded: readonly string[];
  /** Message frames, JSON text. */
  readonly volatile: readonly string[];
  readonly left: readonly { readonly id: string; readonly reason: LeaveReason }[];
  /** Members once the flush is over. */
  readonly count: number;
}

/** Turns items, JSON text joined by commas, into the text one kind of connection reads. */
export type Dialect = (items: string, isOne: boolean, position: string) => string;

/** The dialects by name. Two connections of the same dialect and view get the same text, written once. */
export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  json: (items, isOne) => (isOne ? items : `[${items}]`),
  bridge: (items, isOne, position) => encodeBridgeFrame(position, isOne ? items : `[${items}]`),
};

/**
 * Writes what a flush has for everyone of one view, in the order of rule F4: who came or changed, recorded messages,
 * volatile ones, who left.
 */
export function encodeShared(contents: FlushContents, mode: PresenceMode): readonly string[] {
  const { recorded, volatile } = contents;
  if (mode === "count") return [...countChange(contents), ...recorded, ...volatile];
  return [...arrivals(contents), ...recorded, ...volatile, ...departures(contents)];
}

function arrivals({ joined, updated, left, count }: FlushContents): string[] {
  if (joined.length === 0 && updated.length === 0) return [];
  return [
    encodeFrame({
      type: "presence",
      ...(joined.length > 0 && { joined }),
      ...(updated.length > 0 && { updated }),
      count: count + left.length,
    }),
  ];
}

function departures({ left, count }: FlushContents): string[] {
  return left.length === 0 ? [] : [encodeFrame({ type: "presence", left, count })];
}

function countChange({ joined, left, count }: FlushContents): string[] {
  return joined.length === left.length ? [] : [encodeFrame({ type: "presence", mode: "count", count })];
}
