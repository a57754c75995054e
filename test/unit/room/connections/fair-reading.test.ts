import { describe, expect, it } from "vitest";
import { FairReading } from "../../../../src/room/connections/fair-reading.ts";

const NOW = 1_800_000_000_000;

/** Counts the pauses of a room, each of which lasts until `open` is called. */
function paused(): { reading: FairReading<string>; pauses: Promise<void>[]; opened: () => number } {
  const pauses: Promise<void>[] = [];
  let opened = 0;
  const reading = new FairReading<string>(
    (untilOpen) => pauses.push(untilOpen()),
    () => opened++,
  );
  return { reading, pauses, opened: () => opened };
}

describe("pauses of a room that receives many frames", () => {
  it("[G10] 24 frames of connections that send faster than 80 a second cause one pause, and the next 24 cause another", async () => {
    const { reading, pauses, opened } = paused();

    for (let n = 0; n < 4 + 23; n++) reading.received("a", NOW);
    expect(pauses).toHaveLength(0);
    for (let n = 0; n < 100; n++) reading.received("a", NOW + 9);
    expect(pauses).toHaveLength(1);
    expect(opened()).toBe(0);
    await pauses[0];
    expect(opened()).toBe(1);
    for (let n = 0; n < 24; n++) reading.received("a", NOW + 9);
    expect(pauses).toHaveLength(2);
    await pauses[1];
  });

  it("[G10] a room pauses neither for 60 frames a second of each of 100 connections nor for one frame of each of 1,000", () => {
    const { reading, pauses } = paused();

    for (let n = 0; n < 6_000; n++) reading.received(`player ${n % 100}`, NOW + n / 6);
    for (let n = 0; n < 1_000; n++) reading.received(`member ${n}`, NOW + 2_000);

    expect(pauses).toHaveLength(0);
  });

  it("[G10] a clock that was set back begins a new window", () => {
    const { reading, pauses } = paused();

    for (let n = 0; n < 20; n++) reading.received("a", NOW);
    for (let n = 0; n < 20; n++) reading.received("a", NOW - 3_600_000);

    expect(pauses).toHaveLength(0);
  });
});
