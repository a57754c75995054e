import type { Eyes } from "../../src/protocol/messages.ts";

/** The eyes of a member, or of someone who is none, who may see the state. */
export function eyesOf(member?: string): Eyes {
  return { member, seesState: true };
}
