import { parsePosition } from "../../../src/protocol/positions.ts";
import type { ServerFrame } from "../../../src/protocol/frames.ts";
import type { Evidence } from "./checks.ts";
import type { Connection } from "./connection.ts";
import type { Model } from "./model.ts";
import { isRecorded } from "./recorded.ts";
import { isAnswer } from "./client-window.ts";

/**
 * L5, L7: a client that reports what it has read never receives more than its window, and gets the rest as it reads.
 */
export function* keptUp({ model, connections }: Evidence): Iterable<string> {
  for (const connection of connections) {
    for (const excess of connection.window?.excess ?? []) yield `${connection.name}: ${excess}`;
    yield* caughtUp(connection, model);
  }
}

/** A client that fell behind receives the log, then its position, with nothing between except its own replies. */
function* caughtUp(connection: Connection, model: Model): Iterable<string> {
  for (const { frames, head } of connection.stalls) {
    const end = connection.frames
      .slice(frames)
      .find((frame) => !isRecorded(frame) && !isAnswer(frame) && frame.type !== "pong");
    const isOver = end === undefined ? !model.connections.has(connection) : isReplayed(end, head);
    if (!isOver)
      yield `${connection.name} fell behind the end of the log, ${head}, and got ${JSON.stringify(end) ?? "nothing"} after the messages`;
  }
}

/** Whether a position frame says that the log was sent to its end, and at least up to an offset. */
function isReplayed(frame: ServerFrame, head: number): boolean {
  if (frame.type !== "position" || frame.reason !== "replayed") return false;
  return (parsePosition(frame.position)?.offset ?? 0) >= head;
}
