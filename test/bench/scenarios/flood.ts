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

/** How many times their budget the flooders send. */
const TIMES = 20;

const BUDGET = OPTIONS.messagesPerSecond.default;

/** Messages a second from each of the other members. */
const POLITE_PER_SECOND = 1;

/** The limit for the other members: the larger of the two. */
const BOUND = { times: 1.5, moreMs: 5 };

/** By then the bursts of the flooders have been delivered. */
const ONSET_MS = 1_000;

/** The effect on other members of a flood by members that exceed their limits: at its beginning and while it lasts. */
export const flood: Scenario = {
  name: "flood",
  about: ({ members, seconds }) =>
    `one room of ${members} members that each send ${POLITE_PER_SECOND} message a second, for ${seconds} s alone and for ${seconds} s with ${FLOODERS} flooders that send ${TIMES} times their limit of ${BUDGET} a second and reconnect a second after they are closed: latency among the ${members}`,
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
    // Measured from the first message, because a room that rejects flooders is over the worst after a second.
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
  const what = `p99 under flood at most ${bound.toFixed(1)} ms (the larger of ${BOUND.times} times the p99 alone and ${BOUND.moreMs} ms more)`;
  return [`goal: ${what}: ${flooded <= bound ? "reached" : "missed"}`];
}
