import fc from "fast-check";
import { afterEach, expect, it, vi } from "vitest";
import { awaitedCases, parts } from "../../support/fuzzing.ts";
import { bytes, framesFor } from "../../support/hostile-frames.ts";
import { Hostile, expectAnswered } from "./hostile.ts";
import { Polite, expectUnmoved } from "./polite.ts";
import { watchErrors } from "./watch.ts";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { join } from "../support/websocket.ts";

const to = serveKinds;

/** Each test plays this many games of this many frames: 8,000 frames in total. `npm run test:long` draws more. */
const [PARTS, GAMES, FRAMES] = [8, 20, 50];

/** A placeholder for a polite member's id, which is not known before the game. */
const PLACEHOLDER = "p".repeat(22);

/** One frame, and which of three hostile members sends it. */
const anySent = fc.record({
  by: fc.nat({ max: 2 }),
  frame: fc.oneof(
    { weight: 12, arbitrary: framesFor(fc.constant(PLACEHOLDER)) },
    { weight: 1, arbitrary: bytes },
  ),
});

type Sent = { readonly by: number; readonly frame: string | Uint8Array };

async function runCase(sent: readonly (Sent | null)[]): Promise<void> {
  const errors = watchErrors();
  const room = uniqueRoom("roomy");
  const polite = new Polite(room, await join(room, { to }), await joinSse(room, { to }));
  const { awakeSince } = await kindsRoom(room).info();
  const hostile = await Promise.all([0, 1, 2].map(async () => new Hostile(await join(room, { to }))));
  for (const [index, { by, frame }] of sent.filter((one) => one !== null).entries()) {
    const isText = typeof frame === "string";
    hostile[by]?.send(isText ? frame.replaceAll(PLACEHOLDER, polite.ana.member) : frame);
    if (index % 10 === 0) polite.publish();
  }
  for (const each of hostile) await each.settle();
  hostile.forEach(expectAnswered);
  polite.publish();
  await expectUnmoved(polite);

  // A turn that failed would have restarted the object.
  expect((await kindsRoom(room).info()).awakeSince).toBe(awakeSince);
  errors.expectNone();
  polite.ana.vanish();
  polite.bob.vanish();
}

afterEach(() => vi.restoreAllMocks());

it.each(parts(PARTS))(
  "[F1 F2 F3 F5 L2 P2 G1 G12] whatever three hostile members send, they receive replies, and no other member is affected: part %i",
  { timeout: 300_000 },
  async () => {
    // A fixed length, so that the number of frames is as documented. Shrinking omits them one by one.
    const anyCase = fc.array(fc.option(anySent, { freq: 1_000_000 }), {
      ...{ minLength: FRAMES, maxLength: FRAMES, size: "max" },
    });

    await fc.assert(fc.asyncProperty(anyCase, runCase), awaitedCases(GAMES));
  },
);
