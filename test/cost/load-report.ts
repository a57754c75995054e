import type { LoadResult } from "./load.ts";
import { priceOf } from "./prices.ts";
import { requestsOf, rowsWritten } from "./readings.ts";
import { amount, dollars, table } from "./table.ts";

const HEAD = ["published", "kept", "room", "frames in", "requests", "inserted", "trimmed", "other", "read"];

/** What a thousand recorded messages are billed for, with a line for each way to publish them. */
export function loadReport(results: readonly LoadResult[]): string {
  const measured = Math.max(...results.map(({ messages }) => messages));
  return `Per 1,000 recorded messages. Each line is measured with ${amount(measured)}, except the lines of sleeping rooms:

${table([...HEAD, "$ per million"], results.map(rowOf))}

kept      the option HISTORY_MAX_MESSAGES
room      new: nothing to remove yet. full: more messages than are kept, and older than the ten minutes and 10,000 acts
          of deduplication (the rooms' clock was advanced). asleep: full, and hibernating before each message
requests  frames in, 20 to 1
inserted, trimmed, other   rows written; other covers members, the creation of tables, and alarms that were set
$         requests and rows on the paid plan, beyond the included amounts. The time awake is left out: it depends on the rate`;
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
