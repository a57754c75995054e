import { deflateRawSync } from "node:zlib";
import type { DialectName } from "../../../src/protocol/contract.ts";
import { dataPayload, encodeEntry, messageParts } from "../../../src/protocol/messages.ts";
import { DIALECTS } from "../../../src/protocol/dialects.ts";

/** The fastest level, and the default level of permessage-deflate. */
const LEVELS = { fast: 1, usual: 6 } as const;

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const WORDS =
  "the room is open and we can see who came in while you were out of it so tell me when they are back then go on with what was done before lunch or take your time there".split(
    " ",
  );

/** Something a room sends that could be compressed. */
export interface Sent {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What rooms send most: one or twenty cursors, and a page of history as a resuming client receives it. */
export const SENT: readonly Sent[] = [
  flushOf("a cursor, json", "json", [cursor(0)]),
  flushOf(
    "20 cursors, json",
    "json",
    Array.from({ length: 20 }, (_, index) => cursor(index)),
  ),
  flushOf(
    "20 cursors, proto",
    "proto",
    Array.from({ length: 20 }, (_, index) => cursor(index)),
  ),
  flushOf(
    "300 chat messages, json",
    "json",
    Array.from({ length: 300 }, (_, index) => saying(index)),
  ),
  flushOf(
    "300 chat messages, proto",
    "proto",
    Array.from({ length: 300 }, (_, index) => saying(index)),
  ),
];

/** Deflates at the fastest or at the default level. */
export function deflated({ bytes }: Sent, how: keyof typeof LEVELS): Uint8Array {
  return deflateRawSync(bytes, { level: LEVELS[how] });
}

function flushOf(name: string, dialect: DialectName, texts: readonly string[]): Sent {
  const written = DIALECTS[dialect].write(texts.join(","), texts.length === 1);
  return { name, bytes: typeof written === "string" ? new TextEncoder().encode(written) : written };
}

function cursor(index: number): string {
  return entry(index, "cursor", { x: drawn(index, 1_920), y: drawn(index + 500, 1_080) }, undefined);
}

function saying(index: number): string {
  const words = Array.from({ length: 12 }, (_, place) => WORDS[drawn(31 * index + place, WORDS.length)]);
  return entry(index, "chat", { text: words.join(" ") }, index + 1);
}

function entry(index: number, event: string, data: object, offset: number | undefined): string {
  const from = Array.from({ length: 22 }, (_, place) => ALPHABET[drawn(97 * (index % 20) + place, 64)]).join(
    "",
  );
  const parts = messageParts({ from, user: "" }, event, dataPayload(JSON.stringify(data)));
  return encodeEntry(parts, 1_795_312_524_509 + 40 * index, offset);
}

/** A pseudo-random number below `end`, always the same for a seed. Data made from it compresses like random data. */
function drawn(seed: number, end: number): number {
  let value = Math.imul(seed + 1, 0x9e3779b1);
  value = Math.imul(value ^ (value >>> 15), 0x85ebca6b);
  return ((value ^ (value >>> 13)) >>> 0) % end;
}
