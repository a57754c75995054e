import { describe, expect, it } from "vitest";
import { RetiredRefFloors, type RetiredChunk } from "../../../../src/room/log/retired-ref-floors.ts";

/** The number of retired sessions, and how many of them and of other sessions are looked up. */
const [RETIRED, SAMPLE] = [1_000_000, 100_000];

function inMemory(): { readonly retired: RetiredRefFloors; readonly chunks: Map<number, RetiredChunk> } {
  const chunks = new Map<number, RetiredChunk>();
  const retired = new RetiredRefFloors({
    read: (index) => chunks.get(index),
    write: (index, chunk) => void chunks.set(index, chunk),
  });
  return { retired, chunks };
}

function* sessions(prefix: string, count: number): Generator<{ session: string; ref: number }> {
  for (let n = 0; n < count; n++) yield { session: `${prefix}-${n}`, ref: (n % 1_000) + 1 };
}

function countWhere<Value>(values: Iterable<Value>, holds: (value: Value) => boolean): number {
  let count = 0;
  for (const value of values) if (holds(value)) count++;
  return count;
}

describe("the minimum refs of retired sessions", () => {
  it("[A3 G3] the minimum refs of a million retired sessions cover each of them, match few other sessions, and fill 4 MiB", () => {
    const { retired, chunks } = inMemory();

    retired.add(sessions("old", RETIRED));

    expect(countWhere(sessions("old", SAMPLE), ({ session, ref }) => retired.of(session) < ref)).toBe(0);
    expect(countWhere(sessions("new", SAMPLE), ({ session }) => retired.of(session) > 0)).toBeLessThanOrEqual(
      5,
    );
    expect(countWhere(chunks.values(), ({ bits }) => bits.length === 8_192)).toBe(512);
  }, 30_000);

  it("[A3 G3] the minimum ref of a retired session never decreases", () => {
    const { retired } = inMemory();

    retired.add([{ session: "s", ref: 9 }]);
    retired.add([{ session: "s", ref: 4 }]);

    expect(retired.of("s")).toBe(9);
    expect(retired.of("t")).toBe(0);
  });
});
