import type { RoomMessage } from "../client/index.ts";
import type { RoomHandle } from "./handle.ts";

/** A message that the room has stored. */
export type RecordedMessage = RoomMessage & { readonly offset: number };

/** Which messages to read. */
interface Range {
  /** Only messages before this offset. */
  readonly before: number | undefined;
  /** How many messages to request at once. */
  readonly pageSize: number;
  readonly signal: AbortSignal;
}

/** The response of `GET /rooms/{room}/history`. */
interface HistoryResponse {
  readonly messages: readonly (Omit<RecordedMessage, "bytes"> & { readonly bytes?: string })[];
  readonly more: boolean;
  readonly next?: number;
}

/**
 * Reads stored messages, the newest first. It requests one page at a time, when the loop needs it. Nothing else in this folder
 * depends on how history is read.
 *
 * @throws Error if the server cannot be reached, or rejects the request
 */
export async function* readHistory(
  { url, options, open }: RoomHandle,
  { before, pageSize, signal }: Range,
): AsyncGenerator<RecordedMessage, void, undefined> {
  const { fetch = globalThis.fetch } = options;
  for (let next = before; ;) {
    const token = await open?.getToken?.();
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    const response = await fetch(historyUrl(url, next, pageSize), { signal, headers });
    if (!response.ok) throw new Error(`the history of the room is not available: status ${response.status}`);
    const page = (await response.json()) as HistoryResponse;
    for (const { bytes, ...message } of page.messages.toReversed()) {
      const binary = bytes === undefined ? {} : { bytes: Uint8Array.from(atob(bytes), charCode) };
      yield { ...message, data: message.data ?? null, ...binary };
    }
    if (!page.more) return;
    next = page.next;
  }
}

function charCode(char: string): number {
  return char.charCodeAt(0);
}

function historyUrl(url: string, before: number | undefined, limit: number): string {
  const { origin, pathname, search } = new URL(url.replace(/^ws/i, "http"), globalThis.location?.href);
  const query = new URLSearchParams(search);
  query.set("limit", String(limit));
  if (before !== undefined) query.set("before", String(before));
  return `${origin}${pathname.replace(/\/+$/, "")}/history?${query}`;
}
