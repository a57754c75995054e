import { utf8Length } from "./json.ts";

/** A message or a change of the state before it has an offset: what of its frame does not depend on when it is stored. */
export interface EntryParts {
  readonly type: "message" | "state";
  readonly from: string;
  /** "" for an anonymous member. */
  readonly user: string;
  /** The members it is for, beside its sender; absent for everyone. */
  readonly to?: readonly string[] | undefined;
  /** The rest of the frame's fields as JSON text, encoded once for the log and for every member. */
  readonly body: string;
}

/** Who says it, and to whom. */
export type EntryOrigin = Pick<EntryParts, "from" | "user" | "to">;

/** What a message carries: data, or raw bytes. */
export interface Payload {
  /** A field of its frame, JSON text. */
  readonly field: string;
  /** Characters of data, or raw bytes. */
  readonly size: number;
}

/** Whether texts together have more UTF-8 bytes than allowed. */
export function areLarger(texts: readonly string[], maxBytes: number): boolean {
  const chars = texts.reduce((sum, { length }) => sum + length, 0);
  // No character has more than three bytes, so most texts are not counted.
  if (chars * 3 <= maxBytes) return false;
  return chars > maxBytes || texts.reduce((sum, text) => sum + utf8Length(text), 0) > maxBytes;
}

/** Whether a payload, as sent, is larger than a frame may be. */
export function isLarger({ field, size }: Payload, maxBytes: number): boolean {
  return (
    size > maxBytes ||
    (field.startsWith(DATA) && 3 * size > maxBytes && areLarger([field.slice(DATA.length)], maxBytes))
  );
}

/** The beginning of a payload of data. */
const DATA = '"data":';

/** Data that is JSON text already. */
export function dataPayload(text: string): Payload {
  return { field: DATA + text, size: text.length };
}

/** Raw bytes, which are base64 already. */
export function bytesPayload(base64: string): Payload {
  return { field: `"bytes":"${base64}"`, size: (base64.length / 4) * 3 };
}

/** The parts of a message. */
export function messageParts({ from, user, to }: EntryOrigin, event: string, { field }: Payload): EntryParts {
  return { type: "message", from, user, to, body: `"event":${JSON.stringify(event)},${field}` };
}

/** The parts of a change of the state. A value is JSON text already. */
export function stateParts(
  { from, user }: EntryOrigin,
  set: ReadonlyMap<string, string>,
  deleted: readonly string[],
): EntryParts {
  const pairs = Array.from(set, ([key, valueText]) => `${JSON.stringify(key)}:${valueText}`);
  const fields = [
    ...(pairs.length > 0 ? [`"set":{${pairs.join(",")}}`] : []),
    ...(deleted.length > 0 ? [`"delete":${JSON.stringify(deleted)}`] : []),
  ];
  return { type: "state", from, user, body: fields.join(",") };
}

/** Writes the frame; `offset` is absent for a volatile message. */
export function encodeEntry(parts: EntryParts, time: number, offset: number | undefined): string {
  const at = offset === undefined ? "" : `"offset":${offset},`;
  const user = parts.user === "" ? "" : `"user":${JSON.stringify(parts.user)},`;
  const to = parts.to === undefined ? "" : `"to":${JSON.stringify(parts.to)},`;
  return `{"type":"${parts.type}",${at}"time":${time},"from":"${parts.from}",${user}${to}${parts.body}}`;
}

/** What of a stored frame tells who may see it. */
export interface Addressed {
  readonly type: "message" | "state";
  readonly from: string;
  readonly to?: readonly string[];
}

/** Who sees a frame. */
export interface Viewer {
  /** The member; `undefined` for someone who is none. */
  readonly member: string | undefined;
  /** Whether the shared state may be seen. */
  readonly seesState: boolean;
}

/** A viewer who is not a member and may see what is for everyone. */
export const ANYONE: Viewer = { member: undefined, seesState: true };

/** Whether one may see a frame. */
export function isFor({ type, from, to }: Addressed, { member, seesState }: Viewer): boolean {
  if (type === "state") return seesState;
  return to === undefined || (member !== undefined && (from === member || to.includes(member)));
}
