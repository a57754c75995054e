import { ParlorError } from "../error.ts";
import type { RoomEvents, RoomMessage } from "./events.ts";

/** Maximum messages that wait for the loop. */
const MAX_WAITING = 1_000;

/** The parts of a room that a loop over its messages uses. */
export interface MessageSource {
  /** The messages that have arrived and not been taken yet. */
  readonly waiting: RoomMessage[];
  /** Stops adding to them. */
  readonly stop: () => void;
  readonly isClosed: boolean;
  readonly on: (type: keyof RoomEvents, listener: () => void) => () => void;
}

/** See {@link Room.messages}. */
export async function* eachMessage(
  { waiting, stop, isClosed, on }: MessageSource,
  signal: AbortSignal | undefined,
): AsyncGenerator<RoomMessage, void, undefined> {
  let isOver = isClosed;
  let isFull = false;
  let wake = (): void => undefined;
  const end = (): void => {
    isOver = true;
    wake();
  };
  const arrived = (): void => {
    if (waiting.length > MAX_WAITING) {
      stop();
      waiting.pop();
      isFull = true;
    }
    wake();
  };
  const removers = [on("message", arrived), on("closed", end)];
  signal?.addEventListener("abort", end);
  try {
    while (signal?.aborted !== true) {
      const message = waiting.shift();
      if (message !== undefined) yield message;
      else if (isFull)
        throw new ParlorError(
          "buffer_full",
          `more than ${MAX_WAITING} messages were waiting; read the missed ones with history`,
        );
      else if (isOver) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    for (const remove of removers) remove();
    signal?.removeEventListener("abort", end);
  }
}
