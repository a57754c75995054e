import type { ServerFrame } from "../../protocol/frames.ts";
import { isJsonObject } from "../../protocol/json.ts";

/** What is told of something that holds no frame. */
export const NO_FRAME: readonly ServerFrame[] = [
  { type: "error", code: "bad_frame", message: "the server sent text that is not a frame" },
];

/**
 * Reads what a server sent: one frame, or an array of them. Total: text that holds no frames yields an error frame,
 * so that it is told like any other error.
 *
 * Frames are of the form that PROTOCOL.md gives them: the server is trusted with that, and types it does not know are
 * for the reader to pass over (rule F2). Nesting is not bounded here, as it is in a server: an array adds a level.
 */
export function decodeServerText(text: string): readonly ServerFrame[] {
  try {
    const parsed: unknown = JSON.parse(text);
    const items: readonly unknown[] = Array.isArray(parsed) ? parsed : [parsed];
    if (items.every(isJsonObject)) return items as readonly unknown[] as readonly ServerFrame[];
  } catch {
    // Told below.
  }
  return NO_FRAME;
}
