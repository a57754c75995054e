import { SLEEPS_AFTER_MS } from "./awake.ts";
import { priceOf } from "./prices.ts";
import type { QuietResult } from "./quiet.ts";
import { requestsOf, rowsWritten } from "./readings.ts";
import { amount, dollars, table } from "./table.ts";

const SECONDS_PER_HOUR = 3_600;

/** Hours of a month of 30 days, as Cloudflare's own examples reckon. */
const HOURS_PER_MONTH = 720;

/** What a room is billed for whose members only ping. */
export function quietReport(result: QuietResult): string {
  const { members, minutes, totals, awake, joining, pings } = result;
  const lives = totals.events["loaded"] ?? 0;
  const alarms = result.alarmsAtSeconds.map((seconds) => `${seconds} s`).join(", ") || "never";
  const agrees = lives === awake.wakes ? "which agrees" : "which DISAGREES";
  const interval = result.pingIntervalMs / 1_000;
  const apart = secondsApart(result.alarmsAtSeconds);
  const reckoning =
    apart === undefined
      ? `what was measured, ${amount(timesPerHour(result))} times: roughly, for alarms come minutes apart. A longer run with two of them tells`
      : `from one alarm to the next, ${amount(apart)} s, as often as that goes into an hour`;
  return `${members} members who only ping, every ${interval} s, watched for ${minutes} min once the room slept:

${table(["", "measured", "an hour", "a month"], rowsOf(result))}

alarms     at ${alarms}
an hour    ${reckoning}
in memory  from each event until ${SLEEPS_AFTER_MS / 1_000} s later; wakes by that: ${awake.wakes}, constructions: ${lives}, ${agrees}
running    how long events were handled, here. Cloudflare bills this, and not how long an object that may hibernate
           waits for it; the price by the time in memory is what it could be at most
$          on the paid plan, beyond what it includes
${amount(pings)} pings were answered by the platform. Joining had cost ${amount(rowsWritten(joining))} rows written and ${amount(requestsOf(joining))} requests.`;
}

/** How far apart the alarms came on average, in seconds; `undefined` for fewer than two. */
function secondsApart(alarms: readonly number[]): number | undefined {
  const [first, last] = [alarms[0], alarms.at(-1)];
  if (first === undefined || last === undefined || alarms.length < 2) return undefined;
  return (last - first) / (alarms.length - 1);
}

/** How many times an hour has what was measured. Where alarms tell, by whole rounds from one to the next. */
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
