import { describe, expect, it } from "vitest";
import { eachStamp, stampedJson } from "../bench/load/stamp.ts";
import { Histogram } from "../bench/measure/histogram.ts";
import { Ledger } from "../bench/measure/ledger.ts";
import { spreadOf } from "../bench/measure/statistics.ts";
import { FrameReader } from "../bench/wire/frame-reader.ts";
import { encodeTextFrame } from "../bench/wire/text-frame.ts";

/** A ledger of two members of a room, of whom one publishes so many messages. */
function ledgerOf(published: number): {
  readonly ledger: Ledger;
  readonly read: (member: number, number: number) => void;
} {
  const ledger = new Ledger(2, 2);
  for (let number = 0; number < published; number++) ledger.published(2);
  return { ledger, read: (member, number) => ledger.delivered(member, 1, number, 0, 0) };
}

describe("a bench's ledger", () => {
  it("the benchmark ledger finds no flaw if every member received everything once and in order", () => {
    const { ledger, read } = ledgerOf(2);

    for (const number of [0, 1]) for (const member of [0, 1]) read(member, number);

    expect(ledger.isComplete).toBe(true);
    expect(ledger.flaws()).toEqual([]);
  });

  it.each([
    ["a delivery that was lost", [1, 2], ["1 of 6 deliveries were lost"]],
    ["a last delivery that did not arrive", [0, 1], ["1 of 6 deliveries had not arrived before the timeout"]],
    ["a delivery that arrived twice", [0, 1, 1, 2], ["1 of 6 deliveries arrived twice or out of order"]],
    [
      "a delivery of an unpublished message",
      [0, 1, 2, 3],
      ["1 of 6 deliveries were of messages that were never published"],
    ],
  ])("the benchmark ledger finds %s", (_what, numbers, flaws) => {
    const { ledger, read } = ledgerOf(3);

    for (const number of numbers) read(0, number);
    for (const number of [0, 1, 2]) read(1, number);

    expect(ledger.flaws()).toEqual(flaws);
  });

  it("the benchmark ledger times the messages sent in a span, even if they arrive later, and no others", () => {
    const ledger = new Ledger(1, 1);
    const latency = new Histogram();
    const times = [100, 200];
    const end = ledger.time(latency, () => times.shift() ?? 0);
    end();

    for (const [number, sentUs] of [50, 150, 250].entries()) ledger.delivered(0, 0, number, sentUs, 1_150);

    expect(latency.total).toBe(1);
    expect(latency.percentile(0.99)).toBeCloseTo(1, 1);
  });
});

describe("a bench's reading", () => {
  it.each([1, 3, 125, 126, 70_000])(
    "the frame reader joins frames that arrive %i bytes at a time",
    (step) => {
      const texts = ["", "short", "x".repeat(125), "y".repeat(126), "z".repeat(65_536)];
      const stream = Buffer.concat(texts.map(serverFrame));
      const read: string[] = [];
      const reader = new FrameReader({
        text: (bytes, start, end) => read.push(bytes.toString("utf8", start, end)),
        ping: () => undefined,
        close: () => undefined,
      });

      for (let at = 0; at < stream.length; at += step) {
        const chunk = Buffer.from(stream.subarray(at, at + step));
        reader.read(chunk, 0, chunk.length);
        chunk.fill(0); // as the next read overwrites it
      }

      expect(read).toEqual(texts);
    },
  );

  it("every stamp in a text is found, whatever surrounds it", () => {
    const text = Buffer.from(`[{"data":${stampedJson(3, 7, 100)}},{"data":${stampedJson(12, 0, 40)}},"~@"]`);
    const found: (readonly [number, number])[] = [];

    const count = eachStamp(text, 0, text.length, (sender, number) => found.push([sender, number]));

    expect(found).toEqual([
      [3, 7],
      [12, 0],
    ]);
    expect(count).toBe(2);
    expect(stampedJson(3, 7, 100)).toHaveLength(100);
  });

  it("the histogram returns percentiles within 1 %", () => {
    const histogram = new Histogram();
    for (let ms = 1; ms <= 1_000; ms++) histogram.add(ms * 1_000);

    expect(histogram.percentile(0.5)).toBeGreaterThanOrEqual(500);
    expect(histogram.percentile(0.5)).toBeLessThan(506);
    expect(histogram.percentile(0.99)).toBeLessThan(1_000);
    expect(new Histogram().percentile(0.5)).toBeUndefined();
  });

  it.each([
    [[3, 1, 2], { median: 2, min: 1, max: 3 }],
    [[4, 1], { median: 2.5, min: 1, max: 4 }],
    [[], undefined],
  ])("the median and bounds of %j are computed", (values, spread) => {
    expect(spreadOf(values)).toEqual(spread);
  });
});

/** A text frame as a server sends it: that of a client without the mask. */
function serverFrame(text: string): Buffer {
  const frame = encodeTextFrame(text);
  const maskAt = frame.length - Buffer.byteLength(text) - 4;
  frame[1] = (frame[1] ?? 0) & 0x7f;
  return Buffer.concat([frame.subarray(0, maskAt), frame.subarray(maskAt + 4)]);
}
