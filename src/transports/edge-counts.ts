import { waitUntil } from "cloudflare:workers";

import { endsAt, isWithin } from "../limits/durations.ts";
import { Counters, TELL_EVERY_MS } from "../metrics/counters.ts";
import type { WireError } from "../protocol/errors.ts";

/** The counters of this isolate, because the Worker has no other memory. */
const counters = new Counters();
let awaitedSince = -Infinity;

/** Counts a refusal that the Worker sends. */
export function countRefusal({ code, limit }: WireError): void {
  counters.count("refused", { code, limit });
  const now = Date.now();
  const dueAt = counters.dueAt(now);
  // A request that is cancelled never writes its log line. After twice the interval the next refusal takes over.
  if (dueAt === undefined || isWithin(2 * TELL_EVERY_MS, awaitedSince, now)) return;
  awaitedSince = now;
  waitUntil(
    scheduler.wait(Math.max(0, endsAt(dueAt, TELL_EVERY_MS, now) - now)).then(() => {
      awaitedSince = -Infinity;
      counters.tell({ at: "edge" }, Math.max(dueAt, Date.now()));
    }),
  );
}
