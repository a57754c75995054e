import type { LoadResult } from "./load.ts";
import { priceOf } from "./prices.ts";
import { requestsOf, rowsWritten } from "./readings.ts";
import { amount, dollars, table } from "./table.ts";

const HEAD = ["published", "kept", "room", "frames in", "requests", "inserted", "trimmed", "other", "read"];

/** What a thousand recorded messages are billed for, a line for each way to publish them. */
export function loadReport(results: readonly LoadResult[]): string {
  const measured = Math.max(...results.map(({ messages }) => messages));
  return `Per 1,000 recorded messages; each line but those of sleeping rooms is of ${amount(measured)}:

${table([...HEAD, "$ per million"], results.map(rowOf))}

kept      the option HISTORY_MAX_MESSAGES
room      new: nothing to remove yet. full: past what is kept, and past the ten minutes and 10,000 acts for which
          repeats are recognised (the rooms' clock was put forward). asleep: full, and asleep before each message
requests  frames in, 20 to 1
inserted, trimmed, other   rows written; other are those of members and tables, and alarms that were set
$         requests and rows on the paid plan, beyond what it includes. Not the time awake: that depends on the pace`;
}

function rowOf({ shape, kept, room, messages, totals }: LoadResult): string[] {
  const written = rowsWritten(totals);
  const { inserted, deleted, read } = totals.rows;
  const counts = [
    totals.events["webSocketMessage"] ?? 0,
    requestsOf(totals),
    inserted,
    deleted,
    written - inserted - deleted,
    read,
  ];
  const price = priceOf({
    requests: requestsOf(totals),
    rowsWritten: written,
    rowsRead: read,
    seconds: 0,
  });
  return [
    shape,
    String(kept),
    room,
    ...counts.map((count) => amount((count / messages) * 1_000)),
    dollars((price / messages) * 1_000_000),
  ];
}
