import type { Crowd } from "../load/crowd.ts";
import type { Span } from "../load/window.ts";
import type { Metric } from "./scenario.ts";

/** The servers in scenarios that publish messages: two variants of Parlor, and all others. */
export const SPEAKERS = [
  "parlor",
  "parlor-volatile",
  "bare",
  "partyserver",
  "ws",
  "socket.io",
  "socket.io-recovery",
];

/** The servers in scenarios in which it does not matter how messages are sent. */
export const JOINABLE = SPEAKERS.filter((name) => name !== "parlor-volatile");

/** The metrics of every span of deliveries. */
export const METRICS = {
  rate: { name: "deliveries/s", unit: "1/s", better: "more" },
  p50: { name: "p50", unit: "ms", better: "less" },
  p99: { name: "p99", unit: "ms", better: "less" },
  cpu: { name: "server CPU per delivery", unit: "µs", better: "less" },
  cpuSeconds: { name: "server CPU", unit: "s", better: "less" },
  generator: { name: "generator", unit: "%" },
} as const satisfies Record<string, Metric>;

/** The values of these metrics for a span. */
export function valuesOf(span: Span): Record<string, number | undefined> {
  const { seconds, deliveries, latency, serverCpuSeconds, generatorShare } = span;
  return {
    [METRICS.rate.name]: deliveries / seconds,
    [METRICS.p50.name]: latency.percentile(0.5),
    [METRICS.p99.name]: latency.percentile(0.99),
    [METRICS.cpu.name]:
      serverCpuSeconds === undefined || deliveries === 0 ? undefined : (serverCpuSeconds / deliveries) * 1e6,
    [METRICS.cpuSeconds.name]: serverCpuSeconds,
    [METRICS.generator.name]: generatorShare * 100,
  };
}

/** From this share on, the generator's core is full and the generator is the limit. */
const BUSY_SHARE = 0.9;

/** Other processes that use more than this share of the machine affect the figures. */
const CROWDED_SHARE = 0.1;

/** The flaws of a run: in its deliveries, in the generator, on the machine. */
export function flawsOf(crowd: Crowd, ...spans: readonly Span[]): string[] {
  const isBusy = spans.some(({ generatorShare }) => generatorShare > BUSY_SHARE);
  const isCrowded = spans.some(({ othersShare }) => othersShare > CROWDED_SHARE);
  return [
    ...crowd.flaws(),
    ...(isBusy ? ["the generator was the limit: its core was full"] : []),
    ...(isCrowded ? ["other processes used more than a tenth of the machine"] : []),
  ];
}
