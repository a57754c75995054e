import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { pass, Reader, WINDOW } from "../support/reader.ts";
import { evict, uniqueRoom } from "../support/rooms.ts";
import { expectWhole, SlowReaderScenario } from "../support/slow-reader-scenario.ts";
import { join } from "../support/websocket.ts";

// The clock stops unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

/** The steps of a member that falls behind and catches up. */
const STEPS: readonly (readonly [name: string, run: (scenario: SlowReaderScenario) => Promise<unknown>])[] = [
  ["it is live", (scenario) => scenario.publish(100)],
  [
    "its window is nearly full",
    async (scenario) => {
      for (let n = 0; n < 4; n++) await scenario.publish(60_000);
    },
  ],
  ["it has fallen behind", (scenario) => scenario.publish(60_000)],
  ["a member has changed its presence", (scenario) => scenario.changePresence()],
  ["a message for others was stored", (scenario) => scenario.publish(50_000, [scenario.speaker.member])],
  ["a message for it was stored", (scenario) => scenario.publish(50_000, [scenario.reader.member.member])],
  ["it has read a little", (scenario) => scenario.read(0.1)],
  ["it has read half", (scenario) => scenario.read(0.5)],
  ["more messages were stored", (scenario) => scenario.publish(65_000)],
  ["it has read everything", (scenario) => scenario.read(1)],
  ["it has read the rest", (scenario) => scenario.read(1)],
  ["it is live again", (scenario) => scenario.publish(200)],
];

describe("a member that falls behind and catches up", () => {
  it.each(STEPS.map(([name], index) => [name, index] as const))(
    "[G1 G4 G6 G7 L5 M5] a slow reader loses and repeats nothing if the room hibernates or crashes when %s",
    async (_name, last) => {
      for (const fail of [
        (scenario: SlowReaderScenario) => evict(scenario.room),
        (scenario: SlowReaderScenario) => scenario.crash(),
      ]) {
        const scenario = await SlowReaderScenario.begin();
        for (const [index, [, run]] of STEPS.entries()) {
          pass(1_000);
          await run(scenario);
          if (index === last) await fail(scenario);
          await scenario.judge();
        }
        await expectWhole(scenario);
      }
    },
  );

  it("[G1 G4 G6 G7 L5 M5] a slow reader loses and repeats nothing if hibernations and crashes alternate", async () => {
    const scenario = await SlowReaderScenario.begin();

    for (const [index, [, run]] of STEPS.entries()) {
      pass(1_000);
      await run(scenario);
      await (index % 2 === 0 ? evict(scenario.room) : scenario.crash());
    }

    await expectWhole(scenario);
  });

  const anyStep = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(fc.constant("say" as const), fc.constantFrom(50, 5_000, 30_000, 65_000)),
    },
    { weight: 2, arbitrary: fc.tuple(fc.constant("whisper" as const), fc.constantFrom(50, 30_000, 60_000)) },
    {
      weight: 2,
      arbitrary: fc.tuple(fc.constantFrom("to others" as const, "to it" as const), fc.nat(60_000)),
    },
    { weight: 4, arbitrary: fc.tuple(fc.constant("read" as const), fc.constantFrom(0, 10, 30, 60, 100)) },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom("change" as const, "sleep" as const, "crash" as const), fc.nat(0)),
    },
  );

  async function run(steps: readonly (readonly [string, number])[]): Promise<void> {
    const scenario = await SlowReaderScenario.begin();
    for (const [what, size] of steps) {
      pass(1_000);
      if (what === "say") await scenario.publish(size);
      if (what === "whisper") await scenario.sendVolatile(size);
      if (what === "to others") await scenario.publish(size, [scenario.speaker.member]);
      if (what === "to it") await scenario.publish(size, [scenario.reader.member.member]);
      if (what === "read") await scenario.read(size / 100);
      if (what === "change") await scenario.changePresence();
      if (what === "sleep") await evict(scenario.room).catch(() => undefined);
      if (what === "crash") await scenario.crash();
      await scenario.judge();
    }
    await expectWhole(scenario);
  }

  it(
    "[G1 G4 G6 G7 L5 M5] a slow reader is never sent more than its window, and everything once, for any order of events",
    { timeout: 60_000 },
    async () => {
      await fc.assert(fc.asyncProperty(fc.array(anyStep, { minLength: 15, maxLength: 40 }), run), {
        numRuns: 25,
        endOnFailure: false,
      });
    },
  );
});

describe("a frame larger than the free part of a window", () => {
  it("[L5] a member that has read everything is sent a frame larger than its window, although its last report was not due", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await Reader.join(room);
    // The room writes numbers without exponents, so one frame with sixty-four of these exceeds a window.
    const numbers = `[${Array.from({ length: 190 }, () => "1E20").join(",")}]`;
    const acts = Array.from({ length: 64 }, () => `{"type":"publish","event":"e","data":${numbers}}`);

    ana.send(`[${acts.join(",")}]`);
    await ana.inbox.until(({ messages }) => messages.length === 64);
    const { sent, behind } = await bob.settled();
    await join(room);

    expect(sent).toBeGreaterThan(WINDOW);
    expect(behind).toBeUndefined();
    expect(bob.inbox.messages).toEqual(ana.inbox.messages);
    expect(await bob.settled()).toMatchObject({ sent, behind: 64 });
  });
});
