import { describe, expect, it } from "vitest";
import { RetiredRefFloors, type RetiredChunk } from "../../../../src/room/log/retired-ref-floors.ts";

/** The retired sessions. This many of them, and of others, are looked up. */
const [RETIRED, SAMPLE] = [1_000_000, 100_000];

function inMemory(): { readonly floors: RetiredRefFloors; readonly chunks: Map<number, RetiredChunk> } {
  const chunks = new Map<number, RetiredChunk>();
  const floors = new RetiredRefFloors({
    read: (index) => chunks.get(index),
    write: (index, chunk) => void chunks.set(index, chunk),
  });
  return { floors, chunks };
}

function* sessions(prefix: string, count: number): Generator<{ session: string; ref: number }> {
  for (let n = 0; n < count; n++) yield { session: `${prefix}-${n}`, ref: (n % 1_000) + 1 };
}

function countWhere<Value>(values: Iterable<Value>, holds: (value: Value) => boolean): number {
  let count = 0;
  for (const value of values) if (holds(value)) count++;
  return count;
}

describe("retired floors", () => {
  it("[A3 G3] retired floors of a million sessions contain each of them, mistake few others for one, and fill 4 MiB", () => {
    const { floors, chunks } = inMemory();

    floors.add(sessions("old", RETIRED));

    expect(countWhere(sessions("old", SAMPLE), ({ session, ref }) => floors.of(session) < ref)).toBe(0);
    expect(countWhere(sessions("new", SAMPLE), ({ session }) => floors.of(session) > 0)).toBeLessThanOrEqual(
      5,
    );
    expect(countWhere(chunks.values(), ({ bits }) => bits.length === 8_192)).toBe(512);
  }, 30_000);

  it("[A3 G3] retired floors only rise, whatever is added later", () => {
    const { floors } = inMemory();

    floors.add([{ session: "s", ref: 9 }]);
    floors.add([{ session: "s", ref: 4 }]);

    expect(floors.of("s")).toBe(9);
    expect(floors.of("t")).toBe(0);
  });
});
