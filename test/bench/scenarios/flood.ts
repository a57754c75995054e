import { setTimeout as delay } from "node:timers/promises";
import { OPTIONS } from "../../../src/config/options.ts";
import { DEFAULT_BUDGETS } from "../contenders/parlor.ts";
import { Crowd } from "../load/crowd.ts";
import { Flooder, FloodWatcher } from "../load/flooder.ts";
import { paced } from "../load/paced.ts";
import { nowUs } from "../load/stamp.ts";
import { measureSpan, WARM_UP_SECONDS } from "../load/window.ts";
import { Histogram } from "../measure/histogram.ts";
import { spreadOf } from "../measure/statistics.ts";
import { flawsOf } from "./common.ts";
import { withServer } from "./with-server.ts";
import type { Outcome, Scenario } from "./scenario.ts";

const FLOODERS = 10;

/** How many times their budget they send. */
const TIMES = 20;

const BUDGET = OPTIONS.messagesPerSecond.default;

/** Messages a second of each of the others. */
const POLITE_PER_SECOND = 1;

/** What the others may see of it: within the larger of the two. */
const BOUND = { times: 1.5, moreMs: 5 };

/** What the flooders may say at once is told in much less. */
const ONSET_MS = 1_000;

/** What members who send far more than they may do to the others: for as long as it lasts, and when it begins. */
export const flood: Scenario = {
  name: "flood",
  about: ({ members, seconds }) =>
    `one room of ${members} members who each send ${POLITE_PER_SECOND} message a second, ${seconds} s alone and ${seconds} s under ${FLOODERS} who send ${TIMES} times the ${BUDGET} a second that they may, and come back a second after they are closed: what the ${members} see of each other`,
  metrics: [
    { name: "p50 alone", unit: "ms", better: "less" },
    { name: "p50 under flood", unit: "ms", better: "less" },
    { name: "p99 alone", unit: "ms", better: "less" },
    { name: "p99 under flood", unit: "ms", better: "less" },
    { name: "p99 of a second alone", unit: "ms", better: "less" },
    { name: "p99 in its first second", unit: "ms", better: "less" },
    { name: "flood sent/s", unit: "1/s" },
    { name: "flood accepted/s", unit: "1/s" },
    { name: "flooders closed", unit: "times" },
    { name: "server CPU", unit: "%" },
    { name: "generator", unit: "%" },
  ],
  contenders: ["parlor"],
  size: { members: 100, seconds: 60 },
  quickSize: { members: 20, seconds: 2 },
  run: withServer(async (target, { size: { members, seconds }, progress }) => {
    progress("joining");
    const crowd = await Crowd.gather(target, { members });
    const flooders = Array.from({ length: FLOODERS }, () => new Flooder(target, 0));
    const watcher = new FloodWatcher(target);
    await Promise.all([watcher, ...flooders].map(({ ready }) => ready));
    const stop = paced(members * POLITE_PER_SECOND, (index) => crowd.publish(0, index % members));
    await delay(WARM_UP_SECONDS * 1_000);
    progress("alone");
    const endSeconds = timeSeconds(crowd);
    const alone = await measureSpan(target, crowd, seconds);
    const secondsAlone = endSeconds();
    progress("under flood");
    const [sent, seen] = [sum(flooders, "sent"), watcher.seen];
    // Measured from its first message on: a room that keeps flooders out has seen the worst after a second.
    const stopFlood = paced(FLOODERS * BUDGET * TIMES, (index) => flooders[index % FLOODERS]?.publish());
    const onset = new Histogram();
    setTimeout(crowd.ledger.time(onset, nowUs), ONSET_MS);
    const flooded = await measureSpan(target, crowd, seconds);
    const [sentAfter, seenAfter] = [sum(flooders, "sent"), watcher.seen];
    stopFlood();
    stop();
    await crowd.drain();
    const p99s = secondsAlone.map((each) => each.percentile(0.99)).filter((p99) => p99 !== undefined);
    const [p99Alone, p99Flooded] = [alone.latency.percentile(0.99), flooded.latency.percentile(0.99)];
    return {
      values: {
        "p50 alone": alone.latency.percentile(0.5),
        "p50 under flood": flooded.latency.percentile(0.5),
        "p99 alone": p99Alone,
        "p99 under flood": p99Flooded,
        "p99 of a second alone": spreadOf(p99s)?.median,
        "p99 in its first second": onset.percentile(0.99),
        "flood sent/s": (sentAfter - sent) / flooded.seconds,
        "flood accepted/s": (seenAfter - seen) / flooded.seconds,
        "flooders closed": sum(flooders, "closes"),
        "server CPU": flooded.serverCpuSeconds && (flooded.serverCpuSeconds / flooded.seconds) * 100,
        generator: flooded.generatorShare * 100,
      },
      flaws: flawsOf(crowd, alone, flooded),
      notes: verdict(p99Alone, p99Flooded),
    } satisfies Outcome;
  }, DEFAULT_BUDGETS),
};

/**
 * Measures each second of a span separately. The p99 of one second is the latency of its slowest message in a hundred, and a
 * garbage collection of 25 ms falls into every second one, so the first second of a flood is compared with these.
 */
function timeSeconds(crowd: Crowd): () => readonly Histogram[] {
  const seconds: Histogram[] = [];
  let end = (): void => undefined;
  const begin = (): void => {
    end();
    const latency = new Histogram();
    seconds.push(latency);
    end = crowd.ledger.time(latency, nowUs);
  };
  begin();
  const timer = setInterval(begin, ONSET_MS);
  return () => {
    clearInterval(timer);
    end();
    return seconds;
  };
}

function sum(flooders: readonly Flooder[], what: "sent" | "closes"): number {
  return flooders.reduce((total, flooder) => total + flooder[what], 0);
}

function verdict(alone: number | undefined, flooded = Infinity): string[] {
  if (alone === undefined) return [];
  const bound = Math.max(alone * BOUND.times, alone + BOUND.moreMs);
  const what = `a p99 under flood of at most ${bound.toFixed(1)} ms, the larger of ${BOUND.times} times that alone and ${BOUND.moreMs} ms more`;
  return [`expected: ${what}. It ${flooded <= bound ? "holds" : "does not hold"}`];
}
