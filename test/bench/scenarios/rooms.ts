import { setTimeout as delay } from "node:timers/promises";
import { Crowd } from "../load/crowd.ts";
import { paced } from "../load/paced.ts";
import { measureSpan, WARM_UP_SECONDS } from "../load/window.ts";
import { flawsOf, METRICS, SPEAKERS, valuesOf } from "./common.ts";
import { withServer } from "./with-server.ts";
import type { Scenario } from "./scenario.ts";

/** Members of each room. */
const PER_ROOM = 5;

/** Messages a second from each member. */
const PER_SECOND = 4;

/** Many small rooms, as on most servers. */
export const rooms: Scenario = {
  name: "rooms",
  about: ({ members }) =>
    `${members / PER_ROOM} rooms of ${PER_ROOM} members that each send ${PER_SECOND} messages of 100 bytes a second: ${(members * PER_ROOM * PER_SECOND).toLocaleString("en")} deliveries/s offered`,
  metrics: [METRICS.rate, METRICS.p50, METRICS.p99, METRICS.cpuSeconds, METRICS.generator],
  contenders: SPEAKERS,
  size: { members: 1_000, seconds: 5 },
  quickSize: { members: 200, seconds: 1 },
  run: withServer(async (target, { size: { members, seconds }, progress }) => {
    progress("joining");
    const count = Math.max(1, Math.floor(members / PER_ROOM));
    const crowd = await Crowd.gather(target, { rooms: count, members: PER_ROOM });
    progress("talking");
    const stop = paced(count * PER_ROOM * PER_SECOND, (index) =>
      crowd.publish(index % count, Math.floor(index / count) % PER_ROOM),
    );
    await delay(WARM_UP_SECONDS * 1_000);
    const span = await measureSpan(target, crowd, seconds);
    stop();
    await crowd.drain();
    return { values: valuesOf(span), flaws: flawsOf(crowd, span) };
  }),
};
