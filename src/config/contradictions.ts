import type { KindOptions } from "./options.ts";

/** Budgets that must refill within ten seconds, so that a room that hibernates has no budget to store. */
const BUCKETS = [
  ["messagesBurst", "messagesPerSecond"],
  ["bytesBurst", "bytesPerSecond"],
  ["userMessagesBurst", "userMessagesPerSecond"],
  ["roomMessagesBurst", "roomMessagesPerSecond"],
  ["roomBytesBurst", "roomBytesPerSecond"],
  ["readCharsBurst", "readCharsPerSecond"],
  ["roomReadCharsBurst", "roomReadCharsPerSecond"],
  ["joinsBurst", "joinsPerSecond"],
] as const;

/** The largest member list of a welcome. A room has 128 MB, and may send many welcomes at once. */
const MAX_LIST_BYTES = 4_194_304;

/** The UTF-8 bytes of one character (UTF-16 unit). */
const MAX_BYTES_PER_CHAR = 3;

/** Combinations of a kind's options that contradict each other. */
export function contradictions(kind: KindOptions): string[] {
  const found: string[] = [];
  for (const [burst, rate] of BUCKETS) {
    if (kind[burst] <= 10 * kind[rate]) continue;
    found.push(
      `${burst} (${kind[burst]}) is more than ten times ${rate} (${kind[rate]}); lower it or raise ${rate}`,
    );
  }
  for (const burst of ["bytesBurst", "roomBytesBurst"] as const) {
    if (kind[burst] >= kind.maxFrameBytes) continue;
    found.push(
      `${burst} (${kind[burst]}) is less than maxFrameBytes (${kind.maxFrameBytes}); raise it or lower maxFrameBytes`,
    );
  }
  if (kind.presenceListMax * kind.maxPresenceBytes > MAX_LIST_BYTES) {
    found.push(
      `presenceListMax (${kind.presenceListMax}) times maxPresenceBytes (${kind.maxPresenceBytes}) is more than ${MAX_LIST_BYTES} bytes; lower one of them`,
    );
  }
  // Beyond half of maxUnreadBytes the room rejects all joins, so one client's welcome could lock out all others.
  const listBytes = kind.presenceListMax * kind.maxPresenceBytes;
  const welcomeBytes = listBytes + kind.maxStateBytes + MAX_BYTES_PER_CHAR * kind.keptVolatileChars;
  if (welcomeBytes > kind.maxUnreadBytes / 2) {
    found.push(
      `maxUnreadBytes (${kind.maxUnreadBytes}) is less than twice the largest welcome (${welcomeBytes}: presenceListMax times maxPresenceBytes, plus maxStateBytes, plus three times keptVolatileChars); raise it or lower these`,
    );
  }
  if (kind.maxBufferedBytes > kind.maxUnreadBytes) {
    found.push(
      `maxUnreadBytes (${kind.maxUnreadBytes}) is less than maxBufferedBytes (${kind.maxBufferedBytes}); raise it or lower maxBufferedBytes`,
    );
  }
  if (kind.pingIntervalMs * 2 > kind.silenceTimeoutMs) {
    found.push(
      `pingIntervalMs (${kind.pingIntervalMs}) is more than half of silenceTimeoutMs (${kind.silenceTimeoutMs}); lower it or raise silenceTimeoutMs`,
    );
  }
  return found;
}
