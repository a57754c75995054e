import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { pass, Reader, WINDOW } from "../support/reader.ts";
import { evict, uniqueRoom } from "../support/rooms.ts";
import { expectWhole, SlowPlay } from "../support/slow-reader-scenario.ts";
import { join } from "../support/websocket.ts";

// The clock stands still unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

/** What happens to a member that falls behind and catches up. */
const STEPS: readonly (readonly [name: string, run: (play: SlowPlay) => Promise<unknown>])[] = [
  ["it is live", (play) => play.say(100)],
  [
    "its window is nearly full",
    async (play) => {
      for (let n = 0; n < 4; n++) await play.say(60_000);
    },
  ],
  ["it has fallen behind", (play) => play.say(60_000)],
  ["someone has changed", (play) => play.change()],
  ["others were spoken to", (play) => play.say(50_000, [play.speaker.member])],
  ["it was spoken to", (play) => play.say(50_000, [play.reader.member.member])],
  ["it has read a little", (play) => play.read(0.1)],
  ["it has read half", (play) => play.read(0.5)],
  ["more has come", (play) => play.say(65_000)],
  ["it has read all", (play) => play.read(1)],
  ["it has read the rest", (play) => play.read(1)],
  ["it is live again", (play) => play.say(200)],
];

describe("a member that falls behind and catches up", () => {
  it.each(STEPS.map(([name], index) => [name, index] as const))(
    "[G1 G4 G6 G7 L5 M5] loses and doubles nothing when the room sleeps, or crashes, once %s",
    async (_name, last) => {
      for (const fail of [(play: SlowPlay) => evict(play.room), (play: SlowPlay) => play.crash()]) {
        const play = await SlowPlay.begin();
        for (const [index, [, run]] of STEPS.entries()) {
          pass(1_000);
          await run(play);
          if (index === last) await fail(play);
          await play.judge();
        }
        await expectWhole(play);
      }
    },
  );

  it("[G1 G4 G6 G7 L5 M5] loses and doubles nothing when sleeps and crashes alternate", async () => {
    const play = await SlowPlay.begin();

    for (const [index, [, run]] of STEPS.entries()) {
      pass(1_000);
      await run(play);
      await (index % 2 === 0 ? evict(play.room) : play.crash());
    }

    await expectWhole(play);
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
    const play = await SlowPlay.begin();
    for (const [what, size] of steps) {
      pass(1_000);
      if (what === "say") await play.say(size);
      if (what === "whisper") await play.whisper(size);
      if (what === "to others") await play.say(size, [play.speaker.member]);
      if (what === "to it") await play.say(size, [play.reader.member.member]);
      if (what === "read") await play.read(size / 100);
      if (what === "change") await play.change();
      if (what === "sleep") await evict(play.room).catch(() => undefined);
      if (what === "crash") await play.crash();
      await play.judge();
    }
    await expectWhole(play);
  }

  it(
    "[G1 G4 G6 G7 L5 M5] is never sent more than its window, and everything once, whatever happens in whatever order",
    { timeout: 60_000 },
    async () => {
      await fc.assert(fc.asyncProperty(fc.array(anyStep, { minLength: 15, maxLength: 40 }), run), {
        numRuns: 25,
        endOnFailure: false,
      });
    },
  );
});

describe("a frame larger than what is left of a window", () => {
  it("[L5] is sent to a member that has read everything, though it did not have to say so", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await Reader.join(room);
    // Numbers are written out: sixty-four of these are more than a window in one frame of the room.
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
