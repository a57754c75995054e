import { encodeBridgeFrame } from "../../protocol/bridge-frames.ts";
import type { DialectName } from "../../protocol/contract.ts";
import { decodeClientText, type DecodedItems } from "../../protocol/decode.ts";
import type { ServerFrame } from "../../protocol/frames.ts";
import { decodeClientBytes } from "../../protocol/proto/client-decode.ts";
import { encodeServerFrames } from "../../protocol/proto/server-encode.ts";
import { err, type Result } from "../../protocol/result.ts";

/** A frame as it is sent: text, or bytes. The length of either is what counts in a send window. */
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
