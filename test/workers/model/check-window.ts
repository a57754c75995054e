import { parsePosition } from "../../../src/protocol/positions.ts";
import type { ServerFrame } from "../../../src/protocol/frames.ts";
import type { Evidence } from "./checks.ts";
import type { Connection } from "./connection.ts";
import type { Model } from "./model.ts";
import { isRecorded } from "./recorded.ts";
import { isAnswer } from "./client-window.ts";

/** L5, L7: who says what it has read is never sent more than its window, and is sent the rest as it reads. */
export function* keptUp({ model, connections }: Evidence): Iterable<string> {
  for (const connection of connections) {
    for (const excess of connection.window?.excess ?? []) yield `${connection.name}: ${excess}`;
    yield* caughtUp(connection, model);
  }
}

/** Who fell behind is sent the log and then where it stands, with nothing between but its own answers. */
function* caughtUp(connection: Connection, model: Model): Iterable<string> {
  for (const { frames, head } of connection.stalls) {
    const end = connection.frames
      .slice(frames)
      .find((frame) => !isRecorded(frame) && !isAnswer(frame) && frame.type !== "pong");
    const isOver = end === undefined ? !model.connections.has(connection) : isReplayed(end, head);
    if (!isOver)
      yield `${connection.name} fell behind the end of the log, ${head}, and after messages was sent ${JSON.stringify(end) ?? "nothing"}`;
  }
}

/** Whether a frame tells that the log was sent as far as it went, and at least up to an offset. */
function isReplayed(frame: ServerFrame, head: number): boolean {
  if (frame.type !== "position" || frame.reason !== "replayed") return false;
  return (parsePosition(frame.position)?.offset ?? 0) >= head;
}
