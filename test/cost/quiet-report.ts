import { SLEEPS_AFTER_MS } from "./awake.ts";
import { priceOf } from "./prices.ts";
import type { QuietResult } from "./quiet.ts";
import { requestsOf, rowsWritten } from "./readings.ts";
import { amount, dollars, table } from "./table.ts";

const SECONDS_PER_HOUR = 3_600;

/** The hours in a month of 30 days, as in Cloudflare's own examples. */
const HOURS_PER_MONTH = 720;

/** What a room is billed for while its members only ping. */
export function quietReport(result: QuietResult): string {
  const { members, minutes, totals, awake, joining, pings } = result;
  const lives = totals.events["loaded"] ?? 0;
  const alarms = result.alarmsAtSeconds.map((seconds) => `${seconds} s`).join(", ") || "never";
  const agrees = lives === awake.wakes ? "which agrees" : "which DISAGREES";
  const interval = result.pingIntervalMs / 1_000;
  const apart = secondsApart(result.alarmsAtSeconds);
  const reckoning =
    apart === undefined
      ? `the measured values times ${amount(timesPerHour(result))}: a rough figure, because alarms are minutes apart. A run with two alarms is exact`
      : `the values between two alarms, ${amount(apart)} s apart, scaled to an hour`;
  return `${members} members that only ping every ${interval} s, measured for ${minutes} min after the room first hibernated:

${table(["", "measured", "an hour", "a month"], rowsOf(result))}

alarms     at ${alarms}
an hour    ${reckoning}
in memory  from each event until ${SLEEPS_AFTER_MS / 1_000} s later; wakes derived from that: ${awake.wakes}, constructions: ${lives}, ${agrees}
running    how long events were handled on this machine. Cloudflare bills this time, and not the time that an object waits to
           hibernate. The price by the time in memory is an upper bound
$          on the paid plan, beyond the included amounts
${amount(pings)} pings were answered by the platform. The joins cost ${amount(rowsWritten(joining))} rows written and ${amount(requestsOf(joining))} requests.`;
}

/** The average time between alarms, in seconds; `undefined` for fewer than two. */
function secondsApart(alarms: readonly number[]): number | undefined {
  const [first, last] = [alarms[0], alarms.at(-1)];
  if (first === undefined || last === undefined || alarms.length < 2) return undefined;
  return (last - first) / (alarms.length - 1);
}

/** How many measurements make an hour. If there are two alarms, it counts whole rounds from one alarm to the next. */
function timesPerHour({ minutes, alarmsAtSeconds }: QuietResult): number {
  const apart = secondsApart(alarmsAtSeconds);
  return SECONDS_PER_HOUR / (apart === undefined ? minutes * 60 : apart * alarmsAtSeconds.length);
}

function rowsOf(result: QuietResult): string[][] {
  const { totals, awake } = result;
  const perHour = timesPerHour(result);
  const { alarm = 0, loaded = 0, ...others } = totals.events;
  const otherEvents = Object.values(others).reduce((sum, times) => sum + times, 0);
  const counts: [string, number][] = [
    ["alarms", alarm],
    ["constructed", loaded],
    ["other events", otherEvents],
    ["rows written", rowsWritten(totals)],
    ["rows read", totals.rows.read],
    ["seconds in memory", awake.ms / 1_000],
    ["seconds running", totals.runMs / 1_000],
  ];
  const billed = {
    requests: requestsOf(totals),
    rowsWritten: rowsWritten(totals),
    rowsRead: totals.rows.read,
  };
  const prices: [string, number][] = [
    ["$ by the time running", priceOf({ ...billed, seconds: totals.runMs / 1_000 })],
    ["$ by the time in memory", priceOf({ ...billed, seconds: awake.ms / 1_000 })],
  ];
  const line = ([name, value]: [string, number], show: (value: number) => string): string[] => {
    return [name, show(value), show(value * perHour), show(value * perHour * HOURS_PER_MONTH)];
  };
  return [...counts.map((each) => line(each, amount)), ...prices.map((each) => line(each, dollars))];
}
