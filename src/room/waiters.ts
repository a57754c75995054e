import type { Assembly } from "./assemble.ts";
import type { Waiter } from "./lifetime/wakeup.ts";

/**
 * The work that the room's timer runs, in its order. Add a waiter here and nowhere else.
 *
 * Work that is done in every flush is not in this list, because the room knows when the next flush is due.
 */
export function waitersOf(room: Assembly, name: string | undefined): readonly Waiter[] {
  const { counters, joinQueue, catchUp, outbox } = room;
  const logLines: Waiter = {
    dueAt: (now) => counters.dueAt(now),
    run: (_now, dueBy) => counters.tell({ room: name }, dueBy),
  };
  const joins: Waiter = {
    dueAt: () => joinQueue.dueAt,
    run: (now) => joinQueue.drain(now),
  };
  const catchUps: Waiter = {
    dueAt: (now) => Math.min(catchUp.queuedUntil ?? Infinity, catchUp.heldUntil(now) ?? Infinity),
    run: (now, dueBy) => {
      if (catchUp.queuedUntil === undefined && (catchUp.heldUntil(now) ?? Infinity) > dueBy) return;
      outbox.send(now); // A connection that catches up is live, so it must have received everything.
      catchUp.goOn(now, dueBy);
    },
  };
  return [logLines, joins, catchUps];
}
