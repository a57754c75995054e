import { Histogram } from "../measure/histogram.ts";
import type { LoadTarget } from "../load/load-target.ts";
import { nowUs } from "../load/stamp.ts";
import { JOINABLE, METRICS } from "./common.ts";
import { withServer } from "./with-server.ts";
import type { Scenario } from "./scenario.ts";

/** Joins that wait for their welcome at a time. The kernel would drop more, and retransmit them a second later. */
const IN_FLIGHT = 200;

/** Joins this many members into rooms of this size. Resolves when all have their welcome. The joins can be timed. */
export async function joinAll(
  target: LoadTarget,
  members: number,
  perRoom: number,
  latency?: Histogram,
): Promise<string[]> {
  let next = 0;
  const ends: number[] = [];
  const joinOn = async (): Promise<void> => {
    while (next < members) {
      const room = Math.floor(next++ / perRoom);
      const startedAt = nowUs();
      await target.join(room, { read: () => 0, onEnd: (code) => ends.push(code) }).ready;
      latency?.add(nowUs() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, joinOn));
  return ends.length === 0
    ? []
    : [`${ends.length} connections were closed with ${[...new Set(ends)].join(", ")}`];
}

/** A join storm. */
export const joins: Scenario = {
  name: "joins",
  about: ({ members }) =>
    `${members.toLocaleString("en")} members join one room, ${IN_FLIGHT} at a time; a join takes until the server's welcome, or without one until the connection is open`,
  metrics: [
    { name: "joins/s", unit: "1/s", better: "more" },
    METRICS.p50,
    METRICS.p99,
    { name: "server CPU per join", unit: "µs", better: "less" },
    METRICS.generator,
  ],
  contenders: JOINABLE,
  size: { members: 2_000, seconds: 0 },
  quickSize: { members: 200, seconds: 0 },
  run: withServer(async (target, { size: { members }, progress }) => {
    progress("joining");
    const latency = new Histogram();
    const [startedAt, server, generator] = [performance.now(), target.usage(), process.cpuUsage()];
    const flaws = await joinAll(target, members, members, latency);
    const seconds = (performance.now() - startedAt) / 1_000;
    const [after, used] = [target.usage(), process.cpuUsage(generator)];
    return {
      values: {
        "joins/s": members / seconds,
        [METRICS.p50.name]: latency.percentile(0.5),
        [METRICS.p99.name]: latency.percentile(0.99),
        "server CPU per join": server && after && ((after.cpuSeconds - server.cpuSeconds) / members) * 1e6,
        [METRICS.generator.name]: ((used.user + used.system) / 1e6 / seconds) * 100,
      },
      flaws,
    };
  }),
};
