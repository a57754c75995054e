import type { LeaveReason, MemberEntry } from "../../protocol/frames.ts";

/** Who came, changed and went in a flush. */
export interface PresenceNews {
  readonly joined: readonly MemberEntry[];
  readonly updated: readonly MemberEntry[];
  readonly left: readonly { readonly id: string; readonly reason: LeaveReason }[];
  /** Members once the flush is over. */
  readonly count: number;
  readonly roster: string;
  /** How members are told of it; the room may just have become too large to list, or small enough again. */
  readonly told: "as changes" | "as a count" | "as a count from now on" | "as a list again";
  /** Everyone, JSON text; "" unless they are listed again. */
  readonly listText: string;
}
