import type { ServerFrame } from "../../protocol/frames.ts";
import { isJsonObject } from "../../protocol/json.ts";

/** The result for data that contains no frame. */
export const NO_FRAME: readonly ServerFrame[] = [
  { type: "error", code: "bad_frame", message: "the server sent text that is not a frame" },
];

/**
 * Reads a server's text: one frame, or an array of frames. Never throws. Text that contains no frames becomes an error frame,
 * which is reported like any other error.
 *
 * The fields of frames are not checked, because the client trusts its server. The caller ignores frames of unknown types (rule
 * F2). Nesting is not limited, unlike in a server, because an array adds a level.
 */
export function decodeServerText(text: string): readonly ServerFrame[] {
  try {
    const parsed: unknown = JSON.parse(text);
    const items: readonly unknown[] = Array.isArray(parsed) ? parsed : [parsed];
    if (items.every(isJsonObject)) return items as readonly unknown[] as readonly ServerFrame[];
  } catch {
    // Handled below.
  }
  return NO_FRAME;
}
