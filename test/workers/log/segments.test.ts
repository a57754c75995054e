import fc from "fast-check";
import { expect, it } from "vitest";
import { isFor, type Addressed } from "../../../src/protocol/messages.ts";
import type { HistoryRange } from "../../../src/room/api.ts";
import { Log } from "../../../src/room/log/log.ts";
import { MemorySegments } from "../../../src/room/log/memory-segments.ts";
import type { RetentionLimits } from "../../../src/room/log/retention.ts";
import { retentionOf } from "../support/retention.ts";
import { historyOf, loadLog, NOW, pagesAfter, type ReadHistory } from "../support/logs.ts";
import { inRoom, uniqueRoom } from "../support/rooms.ts";
import { viewerOf } from "../../support/viewer.ts";

/** A frame as it was stored. */
interface Frame extends Addressed {
  readonly type: "message" | "state";
  readonly offset: number;
  readonly time: number;
  readonly data: string;
}

const MEMBERS = ["ana", "bob"] as const;

const anyMember = fc.option(fc.constantFrom(...MEMBERS), { nil: undefined });

const anyStored = fc.record({
  is: fc.constant("stored" as const),
  // Many flushes must share a time.
  afterMs: fc.constantFrom(0, 0, 1, 20_000),
  frames: fc.array(
    fc.record(
      {
        type: fc.constantFrom("message" as const, "message" as const, "state" as const),
        from: fc.constantFrom(...MEMBERS),
        to: fc.constantFrom(["ana"], ["bob"]),
        data: fc.string({ maxLength: 40 }),
      },
      { requiredKeys: ["type", "from", "data"] },
    ),
    { minLength: 1, maxLength: 4 },
  ),
});

/** A place in the log or in time, from before its beginning to after its end. */
const anyPlace = fc.option(fc.double({ min: -0.1, max: 1.1, noNaN: true }), { nil: undefined });

const anyRead = fc.record({
  is: fc.constant("read" as const),
  afterMs: fc.constantFrom(0, 0, 5_000),
  after: anyPlace,
  before: anyPlace,
  since: anyPlace,
  until: anyPlace,
  limit: fc.integer({ min: 1, max: 12 }),
  member: anyMember,
});

const anyStep = fc.oneof(
  { weight: 5, arbitrary: anyStored },
  { weight: 5, arbitrary: anyRead },
  { weight: 1, arbitrary: fc.constant({ is: "loaded" as const }) },
);

const anyLimits = fc.constantFrom<RetentionLimits>(
  retentionOf(1_000),
  retentionOf(10),
  retentionOf(1_000, { historyMaxBytes: 500 }),
  retentionOf(1_000, { historyMaxAgeMs: 20_000 }),
);

/** A log as a plain list. Every log must agree with it. */
class Model {
  readonly #limits: RetentionLimits;
  readonly #rows: { readonly frames: readonly Frame[]; readonly bytes: number }[] = [];

  constructor(limits: RetentionLimits) {
    this.#limits = limits;
  }

  get frames(): readonly Frame[] {
    return this.#rows.flatMap(({ frames }) => frames);
  }

  add(frames: readonly Frame[]): void {
    const bytes = frames.reduce((sum, frame) => sum + JSON.stringify(frame).length + 1, 0);
    this.#rows.push({ frames, bytes });
  }

  floor(now: number): number {
    const { historyMaxAgeMs, historyMaxBytes, historyMaxMessages } = this.#limits;
    let [bytes, kept] = [0, 0];
    for (const row of this.#rows.toReversed()) {
      bytes += row.bytes;
      if (bytes > historyMaxBytes || (row.frames[0]?.time ?? 0) < now - historyMaxAgeMs) break;
      kept += row.frames.length;
    }
    return this.frames.length - Math.min(kept, historyMaxMessages);
  }

  history(range: HistoryRange, now: number, member: string | undefined): ReadHistory {
    const { after = 0, before = Infinity, since = 0, until = Infinity, limit } = range;
    const found = this.frames.filter(
      (frame) =>
        frame.type === "message" &&
        isFor(frame, viewerOf(member)) &&
        frame.offset > Math.max(after, this.floor(now)) &&
        frame.offset < before &&
        frame.time >= since &&
        frame.time < until,
    );
    const isForward = range.after !== undefined || range.since !== undefined;
    const messages = isForward ? found.slice(0, limit) : found.slice(-limit);
    return { messages: messages as never, more: found.length > limit };
  }
}

it("[A8 P2 P5 W1 G4] every read of the log agrees with a plain list, in storage and in memory, also after a load", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 15, maxLength: 40 }), anyLimits, (steps, limits) =>
      inRoom(uniqueRoom(), ({ storage }) => {
        const model = new Model(limits);
        const inMemory = new Log(new MemorySegments(), limits);
        let { log: stored } = loadLog(storage, limits);
        let now = NOW;
        for (const step of steps) {
          if (step.is === "loaded") {
            stored = loadLog(storage, limits).log;
            continue;
          }
          now += step.afterMs;
          if (step.is === "stored") {
            const first = model.frames.length + 1;
            // Changes of the state have no addressees.
            const frames = step.frames.map(({ to, ...rest }, index): Frame => {
              const frame = { offset: first + index, time: now, ...rest };
              return to === undefined || rest.type === "state" ? frame : { ...frame, to };
            });
            const entries = frames.map((frame) => ({
              text: JSON.stringify(frame),
              filtered: frame.to !== undefined,
            }));
            for (const log of [inMemory, stored]) log.append(entries, [], now, Infinity, () => undefined);
            model.add(frames);
            continue;
          }
          const head = model.frames.length;
          const offsetAt = (place: number | undefined): number | undefined =>
            place === undefined ? undefined : Math.max(0, Math.round(place * head));
          const timeAt = (place: number | undefined): number | undefined =>
            place === undefined ? undefined : Math.round(NOW + place * (now - NOW));
          const range: HistoryRange = {
            after: offsetAt(step.after),
            before: offsetAt(step.before),
            since: timeAt(step.since),
            until: timeAt(step.until),
            limit: step.limit,
          };
          const trimmedTo = model.floor(now);
          const from = Math.max(trimmedTo, offsetAt(step.after) ?? 0);
          const rest = model.frames.filter(
            (frame) => frame.offset > from && isFor(frame, viewerOf(step.member)),
          );
          for (const log of [inMemory, stored]) {
            expect(log.head).toBe(head);
            expect(historyOf(log, range, now, viewerOf(step.member))).toEqual(
              model.history(range, now, step.member),
            );
            expect(log.resume(`${log.open()}:${trimmedTo}`, now)).toEqual({
              recovered: true,
              offset: trimmedTo,
            });
            const earlier = { recovered: false, reason: trimmedTo === 0 ? "malformed" : "trimmed" };
            expect(log.resume(`${log.open()}:${trimmedTo - 1}`, now)).toMatchObject(earlier);
            expect(log.resume(`${log.open()}:${head + 1}`, now)).toMatchObject({ reason: "ahead" });
            expect(log.rewind(step.limit, now)).toBe(Math.max(trimmedTo, head - step.limit));
            const pages = pagesAfter(log, Math.min(from, head), 150, step.member);
            expect(pages.flatMap(({ offsets }) => offsets)).toEqual(rest.map(({ offset }) => offset));
          }
        }
      }),
    ),
    { numRuns: 60 },
  );
});
