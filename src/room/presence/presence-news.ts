import type { LeaveReason, MemberEntry } from "../../protocol/frames.ts";

/** The joins, updates and leaves of a flush. */
export interface PresenceNews {
  readonly joined: readonly MemberEntry[];
  readonly updated: readonly MemberEntry[];
  readonly left: readonly { readonly id: string; readonly reason: LeaveReason }[];
  /** The number of members after the flush. */
  readonly count: number;
  readonly roster: string;
  /**
   * The form in which members receive the news. The room may just have become too large for a list, or small enough
   * again.
   */
  readonly told: "as changes" | "as a count" | "as a count from now on" | "as a list again";
  /** All members as JSON text; "" unless the list is sent again. */
  readonly listText: string;
}
