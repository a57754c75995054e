import { waitUntil } from "cloudflare:workers";

import { Counters, TELL_EVERY_MS } from "../metrics/counters.ts";
import type { WireError } from "../protocol/errors.ts";

/** Those of an isolate: the Worker has no other memory. */
const counters = new Counters();
let awaitedUntil = -Infinity;

/** Counts a refusal that leaves the Worker. */
export function countRefusal({ code, limit }: WireError): void {
  counters.count("refused", { code, limit });
  const now = Date.now();
  const dueAt = counters.dueAt(now);
  if (dueAt === undefined || now < awaitedUntil) return;
  // The line of a request that was cancelled never comes: after twice the time the next refusal sees to it.
  awaitedUntil = now + 2 * TELL_EVERY_MS;
  waitUntil(
    scheduler.wait(Math.max(0, dueAt - now)).then(() => {
      awaitedUntil = -Infinity;
      counters.tell({ at: "edge" }, Math.max(dueAt, Date.now()));
    }),
  );
}
