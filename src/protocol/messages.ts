import { utf8Length } from "./json.ts";

/** A message or state change before it has an offset: the parts of its frame that do not depend on when it is stored. */
export interface EntryParts {
  readonly type: "message" | "state";
  readonly from: string;
  /** "" for an anonymous member. */
  readonly user: string;
  /** The addressees, besides the sender; absent for all members. */
  readonly to?: readonly string[] | undefined;
  /** The other fields of the frame as JSON text, encoded once for the log and for all members. */
  readonly body: string;
}

/** The sender and the addressees. */
export type EntryOrigin = Pick<EntryParts, "from" | "user" | "to">;

/** The payload of a message: data, or raw bytes. */
export interface Payload {
  /** The field of its frame, as JSON text. */
  readonly field: string;
  /** The characters of the data, or the number of raw bytes. */
  readonly size: number;
}

/** Whether texts have more UTF-8 bytes in total than allowed. */
export function areLarger(texts: readonly string[], maxBytes: number): boolean {
  const chars = texts.reduce((sum, { length }) => sum + length, 0);
  // A character has at most three bytes, so most texts need not be counted.
  if (chars * 3 <= maxBytes) return false;
  return chars > maxBytes || texts.reduce((sum, text) => sum + utf8Length(text), 0) > maxBytes;
}

/** Whether a payload is larger than the largest frame. */
export function isLarger({ field, size }: Payload, maxBytes: number): boolean {
  return (
    size > maxBytes ||
    (field.startsWith(DATA) && 3 * size > maxBytes && areLarger([field.slice(DATA.length)], maxBytes))
  );
}

/** The beginning of a payload of data. */
const DATA = '"data":';

/** A payload of data, given as JSON text. */
export function dataPayload(text: string): Payload {
  return { field: DATA + text, size: text.length };
}

/** A payload of raw bytes, given in base64. */
export function bytesPayload(base64: string): Payload {
  return { field: `"bytes":"${base64}"`, size: (base64.length / 4) * 3 };
}

/** The parts of a message. */
export function messageParts({ from, user, to }: EntryOrigin, event: string, { field }: Payload): EntryParts {
  return { type: "message", from, user, to, body: `"event":${JSON.stringify(event)},${field}` };
}

/** The parts of a state change. Values are given as JSON text. */
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

/** Writes the frame. `offset` is absent for a volatile message. */
export function encodeEntry(parts: EntryParts, time: number, offset: number | undefined): string {
  const at = offset === undefined ? "" : `"offset":${offset},`;
  const user = parts.user === "" ? "" : `"user":${JSON.stringify(parts.user)},`;
  const to = parts.to === undefined ? "" : `"to":${JSON.stringify(parts.to)},`;
  return `{"type":"${parts.type}",${at}"time":${time},"from":"${parts.from}",${user}${to}${parts.body}}`;
}

/** The fields of a stored frame that decide which clients may receive it. */
export interface Addressed {
  readonly type: "message" | "state";
  readonly from: string;
  readonly to?: readonly string[];
}

/** The viewer of a frame. */
export interface Viewer {
  /** The member; `undefined` for a viewer that is not a member. */
  readonly member: string | undefined;
  /** Whether the viewer may read the shared state. */
  readonly seesState: boolean;
}

/** A viewer that is not a member and may receive everything that is for all members. */
export const ANYONE: Viewer = { member: undefined, seesState: true };

/** Whether a viewer may receive a frame. */
export function isFor({ type, from, to }: Addressed, { member, seesState }: Viewer): boolean {
  if (type === "state") return seesState;
  return to === undefined || (member !== undefined && (from === member || to.includes(member)));
}
