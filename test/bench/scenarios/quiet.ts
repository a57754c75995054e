import { setTimeout as delay } from "node:timers/promises";
import { Crowd } from "../load/crowd.ts";
import { paced } from "../load/paced.ts";
import { measureSpan, WARM_UP_SECONDS } from "../load/window.ts";
import { flawsOf, METRICS, SPEAKERS, valuesOf } from "./common.ts";
import { withServer } from "./with-server.ts";
import type { Scenario } from "./scenario.ts";

/** The time between two messages of the room. It varies, so that messages do not coincide with a timer of the server. */
const EVERY_MS = { min: 40, max: 60 };

/**
 * Messages a second during the warm-up. After only twenty messages a server has not compiled its code, which would count
 * against servers with more code. A server in production has handled many.
 */
const WARM_UP_PER_SECOND = 500;

/** The minimum latency of a message, in a room without other load. */
export const quiet: Scenario = {
  name: "quiet",
  about: ({ members }) =>
    `one room of ${members} members, a message about every 50 ms, in a server that was busy before`,
  metrics: [METRICS.p50, METRICS.p99, METRICS.generator],
  contenders: SPEAKERS,
  size: { members: 10, seconds: 10 },
  quickSize: { members: 10, seconds: 2 },
  run: withServer(async (target, { size: { members, seconds }, progress }) => {
    progress("joining");
    const crowd = await Crowd.gather(target, { members });
    progress("warming up");
    const stopWarmUp = paced(WARM_UP_PER_SECOND, (index) => crowd.publish(0, index % members));
    await delay(2 * WARM_UP_SECONDS * 1_000);
    stopWarmUp();
    await crowd.drain();
    progress("talking");
    let isOver = false;
    const talk = async (): Promise<void> => {
      for (let index = 0; !isOver; index++) {
        crowd.publish(0, index % members);
        await delay(EVERY_MS.min + Math.random() * (EVERY_MS.max - EVERY_MS.min));
      }
    };
    const talking = talk();
    await delay(WARM_UP_SECONDS * 1_000);
    const span = await measureSpan(target, crowd, seconds);
    isOver = true;
    await talking;
    await crowd.drain();
    return { values: valuesOf(span), flaws: flawsOf(crowd, span) };
  }),
};
