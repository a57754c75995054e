import type { Assembly } from "./assemble.ts";

/**
 * Ends everything that is overdue: connections that are silent, stalled or whose token has expired, and graces. Stores the
 * deadlines of members between two polls, so that each of them ends even if the room sleeps and wakes again and again.
 */
export function reap({ liveness, leaves, members, renewals }: Assembly, now: number): void {
  for (const session of liveness.silent(now)) leaves.lose(session, now, "timeout", "silent");
  for (const session of liveness.expired(now)) leaves.lose(session, now, "disconnected", "token_expired");
  for (const session of liveness.expiring(now)) renewals.warn(session, now);
  for (const session of liveness.stalled(now)) leaves.lose(session, now, "disconnected", "slow");
  leaves.endOverdue(now);
  members.storeDeadlines();
}
