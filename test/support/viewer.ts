import type { Viewer } from "../../src/protocol/messages.ts";

/** A member as a viewer, or a client that is not a member, with permission to see the state. */
export function viewerOf(member?: string): Viewer {
  return { member, seesState: true };
}
