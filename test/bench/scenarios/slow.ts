import { setTimeout as delay } from "node:timers/promises";
import { OPTIONS } from "../../../src/config/options.ts";
import { Crowd } from "../load/crowd.ts";
import { paced } from "../load/paced.ts";
import type { LoadTarget } from "../load/load-target.ts";
import { measureSpan, WARM_UP_SECONDS, type Span } from "../load/window.ts";
import { Histogram } from "../measure/histogram.ts";
import { flawsOf, SPEAKERS } from "./common.ts";
import { withServer } from "./with-server.ts";
import type { Scenario } from "./scenario.ts";

/** The senders and their messages. In one turn they send more than the 5 MB that the kernel buffers for a slow consumer. */
const SENDERS = 20;
const PER_SECOND = 10;
const BYTES = 8_192;

/** How many times the latency is measured without and with the slow member. */
const TURNS = 2;

/**
 * A history that is full before the first measurement. Removing old messages has a cost, which would otherwise begin in a
 * later turn with the slow member.
 */
const FULL_SOON: Readonly<Record<string, string>> = {
  HISTORY_MAX_BYTES: String(OPTIONS.historyMaxBytes.min),
};

/** The effect on other members of one that stops reading. */
export const slow: Scenario = {
  name: "slow",
  about: ({ members, seconds }) =>
    `one room of ${members} members, ${SENDERS} of them sending ${PER_SECOND} messages of ${BYTES.toLocaleString("en")} bytes a second, alternately without and with an additional member that does not read, ${TURNS} times ${seconds} s each: latency among the others, and growth of the server's memory in the last turn`,
  metrics: [
    { name: "p99 without", unit: "ms", better: "less" },
    { name: "p99 with", unit: "ms", better: "less" },
    { name: "with : without", unit: "×" },
    { name: "memory", unit: "MiB", better: "less" },
  ],
  contenders: SPEAKERS,
  size: { members: 50, seconds: 8 },
  quickSize: { members: 10, seconds: 1 },
  run: withServer(async (target, { size: { members, seconds }, progress }) => {
    progress("joining");
    const senders = Math.min(SENDERS, members);
    const crowd = await Crowd.gather(target, { members, senders, bytes: BYTES });
    const stop = paced(senders * PER_SECOND, (index) => crowd.publish(0, index % senders));
    await delay(WARM_UP_SECONDS * 1_000);
    const spans: Span[] = [];
    const [without, withSlow] = [new Histogram(), new Histogram()];
    let grown: number | undefined;
    for (let turn = 1; turn <= TURNS; turn++) {
      progress(`turn ${turn} without`);
      spans.push(await measureSpan(target, crowd, seconds, without));
      progress(`turn ${turn} with`);
      const before = residentMiB(target);
      const stalled = await joinAndStall(target);
      spans.push(await measureSpan(target, crowd, seconds, withSlow));
      const after = residentMiB(target);
      grown = before === undefined || after === undefined ? undefined : Math.max(0, after - before);
      stalled.drop();
      await delay(WARM_UP_SECONDS * 1_000);
    }
    stop();
    await crowd.drain();
    const [p99Without, p99With] = [without.percentile(0.99), withSlow.percentile(0.99)];
    return {
      values: {
        "p99 without": p99Without,
        "p99 with": p99With,
        "with : without": p99Without && p99With && p99With / p99Without,
        memory: grown,
      },
      flaws: flawsOf(crowd, ...spans),
    };
  }, FULL_SOON),
};

/** Joins the room, sends nothing and stops reading. The server may close it for that. */
async function joinAndStall(target: LoadTarget): Promise<{ drop(): void }> {
  const member = target.join(0, { read: () => 0 });
  await member.ready;
  member.stall();
  return member;
}

function residentMiB(target: LoadTarget): number | undefined {
  const usage = target.usage();
  return usage && usage.residentBytes / 2 ** 20;
}
