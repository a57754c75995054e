import type { Json } from "./json.ts";

/** A message before it has an offset: what of its frame does not depend on when it is stored. */
export interface MessageParts {
  readonly from: string;
  /** "" for an anonymous member. */
  readonly user: string;
  readonly event: string;
  /** The data as JSON text, encoded once for the log and for every member. */
  readonly dataText: string;
}

/** Encodes the parts of a message that its sender decides. */
export function messageParts(from: string, user: string, event: string, data: Json): MessageParts {
  return { from, user, event, dataText: JSON.stringify(data) };
}

/** Writes a message frame around data that is JSON text already; `offset` is absent for a volatile message. */
export function encodeMessage(parts: MessageParts, time: number, offset: number | undefined): string {
  const at = offset === undefined ? "" : `"offset":${offset},`;
  const user = parts.user === "" ? "" : `"user":${JSON.stringify(parts.user)},`;
  const event = JSON.stringify(parts.event);
  return `{"type":"message",${at}"time":${time},"from":"${parts.from}",${user}"event":${event},"data":${parts.dataText}}`;
}
