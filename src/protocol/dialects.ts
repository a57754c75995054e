import type { DialectName, FormatName } from "./contract.ts";
import { decodeClientText, type DecodedItems } from "./decode.ts";
import type { ServerFrame } from "./frames.ts";
import { decodeClientBytes } from "./proto/client-decode.ts";
import { encodeServerFrames } from "./proto/server-encode.ts";
import { err, type Result } from "./result.ts";
import { PROTO_SUBPROTOCOL, SUBPROTOCOL } from "./version.ts";

/** A frame as it is sent: text, or bytes. The length of either is what counts in a send window. */
export type Written = string | Uint8Array<ArrayBuffer>;

/** What several connections are sent: items, JSON text joined by commas, and the frame that was made of them. */
export interface WrittenItems {
  readonly items: string;
  readonly count: number;
  readonly text: Written;
}

/** Everything that the server must know about a dialect. Inside a room everything is JSON. */
export interface Dialect {
  /** The WebSocket subprotocol by which a client chooses it. */
  readonly subprotocol: string;
  /** The first version of the contract between Worker and room (contract.ts) that has it. */
  readonly contractVersion: number;
  /** The first version of a socket's attachment that has it. */
  readonly attachmentVersion: number;
  /** Whether its frames are the JSON text of the room, so that writing needs no parsing. */
  readonly isJson: boolean;
  /** The maximum bytes on the wire for each unit of a frame's length. */
  readonly maxBytesPerUnit: number;
  /** Writes items, JSON text joined by commas, as a frame. */
  write(items: string, isOne: boolean): Written;
  /** Writes what several connections are sent, and behind it items for one of them. */
  append(shared: WrittenItems, own: readonly string[]): Written;
  /** Reads what a client sent. Total. */
  read(data: string | ArrayBuffer): Result<DecodedItems>;
}

/** The registry. A new dialect is a new entry. */
export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  json: {
    subprotocol: SUBPROTOCOL,
    contractVersion: 1,
    attachmentVersion: 1,
    isJson: true,
    maxBytesPerUnit: 3, // UTF-8 of one UTF-16 unit.
    write: writeText,
    append: ({ items, count }, own) =>
      writeText((count === 0 ? own : [items, ...own]).join(","), count + own.length === 1),
    read: (data) => (typeof data === "string" ? decodeClientText(data) : err({ code: "binary_frame" })),
  },
  proto: {
    subprotocol: PROTO_SUBPROTOCOL,
    contractVersion: 2,
    attachmentVersion: 2,
    isJson: false,
    maxBytesPerUnit: 1,
    write: writeBytes,
    append: ({ text }, own) => concatenate(text, writeBytes(own.join(","))),
    read: (data) =>
      typeof data === "string" ? decodeClientText(data) : decodeClientBytes(new Uint8Array(data)),
  },
};

/** The dialect of a connection. A bridge reads JSON, in a framing of its own. */
export function dialectOf(format: FormatName): Dialect {
  return DIALECTS[format === "bridge" ? "json" : format];
}

function writeText(items: string, isOne: boolean): string {
  return isOne ? items : `[${items}]`;
}

function writeBytes(items: string): Uint8Array<ArrayBuffer> {
  return encodeServerFrames(JSON.parse(`[${items}]`) as ServerFrame[]);
}

/** Two frames of the binary dialect as one. */
function concatenate(first: Written, second: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (typeof first === "string") return second; // Never: a text frame is of another dialect.
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
