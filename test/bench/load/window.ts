import { setTimeout as delay } from "node:timers/promises";
import { Histogram } from "../measure/histogram.ts";
import { machineCpuSeconds } from "../measure/machine-load.ts";
import type { Crowd } from "./crowd.ts";
import type { LoadTarget } from "./load-target.ts";
import { nowUs } from "./stamp.ts";

/** What happened in a span of time. */
export interface Span {
  readonly seconds: number;
  readonly deliveries: number;
  /**
   * How long the deliveries took of what was sent in it, from the publish until the text was read. Whole when nothing is
   * on its way any more.
   */
  readonly latency: Histogram;
  /** Processor time of the server in seconds; `undefined` where that cannot be read. */
  readonly serverCpuSeconds: number | undefined;
  /** How much of a core the generator itself took, 0 to 1: near 1 it is the generator that was measured. */
  readonly generatorShare: number;
  /** How much of two cores all other processes took, 0 to 1: a machine that is not quiet measures them too. */
  readonly othersShare: number;
}

/** Load that runs for so long is not measured: code is not compiled yet, buffers are not grown. */
export const WARM_UP_SECONDS = 1;

/**
 * Measures a load that goes on by itself.
 *
 * @param latency takes how long deliveries take
 */
export async function measureSpan(
  target: LoadTarget,
  { ledger }: Crowd,
  seconds: number,
  latency = new Histogram(),
): Promise<Span> {
  const endSending = ledger.time(latency, nowUs);
  const [startedAt, delivered] = [performance.now(), ledger.deliveries];
  const [machine, server, generator] = [machineCpuSeconds(), target.usage(), process.cpuUsage()];
  await delay(seconds * 1_000);
  endSending();
  const tookSeconds = (performance.now() - startedAt) / 1_000;
  const used = process.cpuUsage(generator);
  const [after, machineAfter] = [target.usage(), machineCpuSeconds()];
  const generatorSeconds = (used.user + used.system) / 1e6;
  const serverCpuSeconds = server && after && after.cpuSeconds - server.cpuSeconds;
  const allSeconds = (machineAfter ?? 0) - (machine ?? 0);
  return {
    seconds: tookSeconds,
    deliveries: ledger.deliveries - delivered,
    latency,
    serverCpuSeconds,
    generatorShare: generatorSeconds / tookSeconds,
    othersShare: Math.max(0, allSeconds - generatorSeconds - (serverCpuSeconds ?? 0)) / tookSeconds / 2,
  };
}
