import type { HistoryFrame } from "../../protocol/frames.ts";
import { ParlorError } from "../error.ts";
import type { Clock } from "../runtime/timers.ts";
import type { RoomMessage } from "../views/events.ts";
import { messageOf } from "../views/replica.ts";
import type { Acts } from "./acts.ts";
import { utf8Length } from "./encode.ts";
import { waitFor, type WaitOptions } from "./waiting.ts";

/** Which stored messages to read. `timeoutMs` limits the wait for each page. */
export interface HistoryOptions extends WaitOptions {
  /** Only messages before this offset. @default up to the newest */
  readonly before?: number | undefined;
  /** Only messages after this offset. The oldest is then the first. @default from the oldest */
  readonly after?: number | undefined;
  /** Only messages from this time on, Unix milliseconds. The oldest is then the first. @default from the oldest */
  readonly since?: number | undefined;
  /** Only messages before this time, Unix milliseconds. @default up to the newest */
  readonly until?: number | undefined;
  /** How many messages to request at once, 1 to 500. @default 50 */
  readonly pageSize?: number | undefined;
}

/** Reads stored messages page by page (rule A8), each page when the loop needs it. */
export async function* readHistory(
  acts: Acts,
  clock: Clock,
  { pageSize, timeoutMs, signal, ...range }: HistoryOptions,
): AsyncGenerator<RoomMessage, void, undefined> {
  const wait = { timeoutMs, signal };
  const isForward = range.after !== undefined || range.since !== undefined;
  for (let bounds: HistoryOptions = range; ;) {
    const text = JSON.stringify({ type: "history", ...bounds, limit: pageSize });
    const { messages, more, next } = await readPage(acts, clock, wait, text);
    for (let n = 0; n < messages.length; n++) {
      const frame = messages.at(isForward ? n : -1 - n);
      if (frame !== undefined) yield messageOf(frame);
    }
    if (!more || next === undefined) return;
    bounds = { ...range, [isForward ? "after" : "before"]: next };
  }
}

/** Reads a page. While the budget for reads is spent (rule L10), it waits and requests the page again. */
async function readPage(acts: Acts, clock: Clock, wait: WaitOptions, text: string): Promise<HistoryFrame> {
  for (;;) {
    try {
      return (await acts.read(wait, { text, bytes: utf8Length(text) })) as HistoryFrame;
    } catch (error) {
      if (!(error instanceof ParlorError) || error.retryAfterMs === undefined) throw error;
      await pause(clock, error.retryAfterMs, wait.signal);
    }
  }
}

function pause(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return waitFor({ signal }, clock, (resolve, reject) => {
    const cancel = clock.startTimer(() => resolve(), ms);
    return (reason) => {
      cancel();
      reject(reason);
    };
  });
}
