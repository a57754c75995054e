import { setTimeout as delay } from "node:timers/promises";
import { uniqueRoom } from "../support/rooms.ts";
import { awakeTime, SETTLE_MS, type Awake } from "./awake.ts";
import { CountingMember } from "./counting-member.ts";
import { MeteredServer } from "./metered-server.ts";
import { totalOf, type Totals } from "./readings.ts";

/** How many members ping, and for how long. */
export interface QuietOptions {
  readonly members: number;
  readonly minutes: number;
}

/** What a room was billed for while its members only pinged. */
export interface QuietResult extends QuietOptions {
  /** While the members joined. */
  readonly joining: Totals;
  /** Afterwards, from when the room first hibernated. */
  readonly totals: Totals;
  readonly awake: Awake;
  /** When the alarms ran, in seconds since the room first hibernated. */
  readonly alarmsAtSeconds: readonly number[];
  /** The ping interval in the welcome frame. */
  readonly pingIntervalMs: number;
  readonly pings: number;
}

/** How long the reply to the last ping may take. */
const PONG_MS = 1_000;

/** Measures what a room costs while its members only ping, evenly spread, at the interval that the welcome gives. */
export async function measureQuiet(
  { members: count, minutes }: QuietOptions,
  progress: (text: string) => void,
): Promise<QuietResult> {
  const server = await MeteredServer.start({});
  const room = uniqueRoom("cost");
  const members: CountingMember[] = [];
  const pinging = new AbortController();
  try {
    progress(`${count} members join`);
    const joins = await server.measure(room, async () => {
      while (members.length < count) members.push(await CountingMember.join(server.wsUrl, room));
    });
    const { pingIntervalMs } = await first(members).welcome();
    const pings = members.map((member, index) =>
      pingOn(member, pingIntervalMs, (index / count) * pingIntervalMs, pinging.signal),
    );

    progress("waiting for the room to fall asleep");
    await delay(SETTLE_MS);
    const span = await server.measure(room, () => wait(minutes, members, progress));

    pinging.abort();
    const sent = (await Promise.all(pings)).reduce((sum, each) => sum + each, 0);
    await demandPongs(members, sent);
    const alarms = span.readings.filter(({ events }) => events["alarm"] !== undefined);
    return {
      members: count,
      minutes,
      joining: totalOf(joins.readings),
      totals: totalOf(span.readings),
      awake: awakeTime(
        span.readings.map(({ at }) => at),
        span.until,
      ),
      alarmsAtSeconds: alarms.map(({ at }) => Math.round((at - span.from) / 1_000)),
      pingIntervalMs,
      pings: sent,
    };
  } finally {
    pinging.abort();
    for (const member of members) member.vanish();
    await server.stop();
  }
}

/** Pings until the signal aborts. Returns the number of pings. */
async function pingOn(
  member: CountingMember,
  intervalMs: number,
  firstAfterMs: number,
  signal: AbortSignal,
): Promise<number> {
  let sent = 0;
  const hasTime = (ms: number): Promise<boolean> => delay(ms, true, { signal }).catch(() => false);
  for (let go = await hasTime(firstAfterMs); go; go = await hasTime(intervalMs)) {
    member.ping();
    sent++;
  }
  return sent;
}

async function wait(
  minutes: number,
  members: readonly CountingMember[],
  progress: (text: string) => void,
): Promise<void> {
  const until = performance.now() + minutes * 60_000;
  for (let leftMs = minutes * 60_000; leftMs > 0; leftMs = until - performance.now()) {
    progress(`${members.length} members ping: ${Math.ceil(leftMs / 1_000)} s left`);
    await delay(Math.min(leftMs, 1_000));
    const lost = members.find(({ end }) => end !== undefined);
    if (lost?.end !== undefined) throw lost.end;
  }
}

/** Checks that every ping was answered. Otherwise members could have timed out, and the run would measure something else. */
async function demandPongs(members: readonly CountingMember[], sent: number): Promise<void> {
  const answered = (): number => members.reduce((sum, { pongs }) => sum + pongs, 0);
  for (let waitedMs = 0; answered() < sent && waitedMs < PONG_MS; waitedMs += 10) await delay(10);
  if (answered() !== sent) throw new Error(`${sent} pings received ${answered()} replies`);
}

function first<Item>(items: readonly Item[]): Item {
  const [item] = items;
  if (item === undefined) throw new Error("there are no members");
  return item;
}
