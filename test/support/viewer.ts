import type { Viewer } from "../../src/protocol/messages.ts";

/** A member as a viewer, or someone who is not a member, who may see the state. */
export function viewerOf(member?: string): Viewer {
  return { member, seesState: true };
}
