import { decodeClientText } from "../../../src/protocol/decode.ts";
import { encodeEntry, dataPayload, messageParts } from "../../../src/protocol/messages.ts";
import { DIALECTS } from "../../../src/protocol/dialects.ts";
import type { DialectName } from "../../../src/protocol/contract.ts";
import { fullBucket, take, type BucketRate } from "../../../src/limits/token-bucket.ts";
import { SENT, deflated } from "./deflating.ts";
import type { Scenario } from "./scenario.ts";

/** A small operation that runs very often. */
interface Case {
  readonly name: string;
  /** Creates the operation. Its result is used, so that the compiler cannot remove it. */
  readonly make: () => (index: number) => unknown;
}

/** Long enough that neither the timer resolution nor one garbage collection dominates. */
const BATCH_MS = 200;

const RATE: BucketRate = { perSecond: 60, burst: 120 };

const CASES: readonly Case[] = [
  decoding("publish of 100 B", publishOf(100)),
  decoding("publish of 1 KiB", publishOf(1_024)),
  decoding("publish of 16 KiB", publishOf(16_384)),
  decoding("64 publishes in a frame", `[${Array.from({ length: 64 }, () => publishOf(100)).join()}]`),
  decoding("set of 2 keys", '{"type":"set","ref":1,"set":{"a":1,"b":2},"if":{"a":3}}'),
  decoding("seen", '{"type":"seen","chars":65536}'),
  decoding("invalid JSON", '{"type":"publish'),
  writing("json", 20),
  writing("proto", 20),
  writing("json", 100),
  writing("proto", 100),
  { name: "bucket: taken", make: () => takeEvery(1_000) },
  { name: "bucket: refused", make: () => takeEvery(0) },
  ...SENT.flatMap((sent) => [
    { name: `deflate: ${sent.name}, fast`, make: () => () => deflated(sent, "fast").length },
    { name: `deflate: ${sent.name}, usual`, make: () => () => deflated(sent, "usual").length },
  ]),
];

/** The sizes of the samples, plain and deflated. */
const SIZES: readonly { readonly name: string; readonly bytes: number }[] = SENT.flatMap((sent) => [
  { name: `size: ${sent.name}`, bytes: sent.bytes.length },
  { name: `size: ${sent.name}, deflated fast`, bytes: deflated(sent, "fast").length },
  { name: `size: ${sent.name}, deflated as usual`, bytes: deflated(sent, "usual").length },
]);

/** The operations for every frame, in nanoseconds each, without a server or a network. */
export const micro: Scenario = {
  name: "micro",
  about: () =>
    "the decoder, the dialects, the token bucket and deflate, in this process alone: time per call, and sizes",
  metrics: [
    ...CASES.map(({ name }) => ({ name, unit: "ns", better: "less" as const })),
    ...SIZES.map(({ name }) => ({ name, unit: "bytes", better: "less" as const })),
  ],
  contenders: ["parlor"],
  size: { members: 0, seconds: 0 },
  quickSize: { members: 0, seconds: 0 },
  run: ({ progress }) => {
    progress("measuring");
    const values = Object.fromEntries([
      ...CASES.map(({ name, make }) => [name, nanosecondsOf(make())] as const),
      ...SIZES.map(({ name, bytes }) => [name, bytes] as const),
    ]);
    return Promise.resolve({ values, flaws: [] });
  },
};

function decoding(name: string, text: string): Case {
  return { name: `decode: ${name}`, make: () => () => decodeClientText(text).ok };
}

function publishOf(bytes: number): string {
  const head = '{"type":"publish","ref":1,"event":"chat","data":{"text":"';
  return `${head.padEnd(bytes - 3, "x")}"}}`;
}

/** Writes a flush of this many volatile messages, each from another member. A room writes one for each view. */
function writing(dialect: DialectName, messages: number): Case {
  const texts = Array.from({ length: messages }, (_, index) => {
    const origin = { from: String(index).padStart(22, "m"), user: "" };
    return encodeEntry(messageParts(origin, "m", dataPayload('{"x":1,"y":2}')), 1_795_312_524_509, undefined);
  });
  return {
    name: `write: ${messages} messages, ${dialect}`,
    make: () => () => DIALECTS[dialect].write(texts.join(","), false).length,
  };
}

/** Takes tokens from a bucket while its clock advances by this much each time. */
function takeEvery(ms: number): (index: number) => unknown {
  const bucket = fullBucket(RATE, 0);
  return (index) => take(RATE, bucket, 1, index * ms);
}

/** How long one call takes. Measures the second of two batches, because the code is compiled during the first. */
function nanosecondsOf(work: (index: number) => unknown): number {
  let [calls, seen, took] = [0, 0, 0];
  for (const _batch of ["warm-up", "measured"]) {
    const startedAt = performance.now();
    calls = 0;
    do {
      for (let index = 0; index < 1_000; index++) if (work(calls + index) !== undefined) seen++;
      calls += 1_000;
      took = performance.now() - startedAt;
    } while (took < BATCH_MS);
  }
  if (seen === 0) throw new Error("no operation returned a result");
  return (took / calls) * 1e6;
}
