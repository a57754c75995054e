import { setTimeout as delay } from "node:timers/promises";
import { Crowd } from "../load/crowd.ts";
import { paced } from "../load/paced.ts";
import { measureSpan, WARM_UP_SECONDS } from "../load/window.ts";
import { flawsOf, METRICS, SPEAKERS, valuesOf } from "./common.ts";
import { withServer } from "./with-server.ts";
import type { Scenario } from "./scenario.ts";

/** Messages a second from each member. */
const PER_SECOND = 10;

/** A room in which all members publish. Some servers cannot deliver this much, and their latency then keeps growing. */
export const talk: Scenario = {
  name: "talk",
  about: ({ members }) =>
    `one room of ${members} members that all send ${PER_SECOND} messages of 100 bytes a second: ${(members * members * PER_SECOND).toLocaleString("en")} deliveries/s offered`,
  metrics: [METRICS.rate, METRICS.p50, METRICS.p99, METRICS.cpu, METRICS.generator],
  contenders: SPEAKERS,
  size: { members: 100, seconds: 5 },
  quickSize: { members: 50, seconds: 1 },
  run: withServer(async (target, { size: { members, seconds }, progress }) => {
    progress("joining");
    const crowd = await Crowd.gather(target, { members });
    progress("talking");
    const stop = paced(members * PER_SECOND, (index) => crowd.publish(0, index % members));
    await delay(WARM_UP_SECONDS * 1_000);
    const span = await measureSpan(target, crowd, seconds);
    stop();
    progress("reading the messages in flight");
    await crowd.drain();
    return { values: valuesOf(span), flaws: flawsOf(crowd, span) };
  }),
};
