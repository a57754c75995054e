import { setTimeout as delay } from "node:timers/promises";
import { Histogram } from "../measure/histogram.ts";
import { machineCpuSeconds } from "../measure/machine-load.ts";
import type { Crowd } from "./crowd.ts";
import type { LoadTarget } from "./load-target.ts";
import { nowUs } from "./stamp.ts";

/** The measurements of a span of time. */
export interface Span {
  readonly seconds: number;
  readonly deliveries: number;
  /**
   * The latency of messages sent in the span, from the publish until the text was read. Complete once no message is in
   * flight.
   */
  readonly latency: Histogram;
  /** Processor time of the server in seconds; `undefined` if it cannot be read. */
  readonly serverCpuSeconds: number | undefined;
  /** How much of a core the generator itself took, 0 to 1. Near 1 the generator was the limit. */
  readonly generatorShare: number;
  /** How much of two cores all other processes took, 0 to 1. On a busy machine they affect the figures. */
  readonly othersShare: number;
}

/** The first second of a load is not measured, because code is not compiled yet and buffers have not grown. */
export const WARM_UP_SECONDS = 1;

/**
 * Measures a load that is already running.
 *
 * @param latency receives the latency of deliveries
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
