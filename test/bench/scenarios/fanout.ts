import { setTimeout as delay } from "node:timers/promises";
import { Crowd } from "../load/crowd.ts";
import { keepInFlight } from "../load/in-flight.ts";
import { measureSpan, WARM_UP_SECONDS } from "../load/window.ts";
import { flawsOf, METRICS, SPEAKERS, valuesOf } from "./common.ts";
import { withServer } from "./with-server.ts";
import type { Scenario } from "./scenario.ts";

/** Messages in flight at a time, each from another member. */
const IN_FLIGHT = 20;

/** The maximum delivery rate of one room. */
export const fanout: Scenario = {
  name: "fanout",
  about: ({ members }) =>
    `one room of ${members.toLocaleString("en")} members, ${IN_FLIGHT} messages of 100 bytes in flight at a time; a member publishes the next when all have received its last`,
  metrics: [METRICS.rate, METRICS.p50, METRICS.p99, METRICS.cpu, METRICS.generator],
  contenders: SPEAKERS,
  size: { members: 1_000, seconds: 5 },
  quickSize: { members: 100, seconds: 1 },
  run: withServer(async (target, { size: { members, seconds }, progress }) => {
    progress("joining");
    const crowd = await Crowd.gather(target, { members, senders: Math.min(IN_FLIGHT, members) });
    progress("publishing");
    const stop = keepInFlight(crowd);
    await delay(WARM_UP_SECONDS * 1_000);
    const span = await measureSpan(target, crowd, seconds);
    stop();
    await crowd.drain();
    return { values: valuesOf(span), flaws: flawsOf(crowd, span) };
  }),
};
