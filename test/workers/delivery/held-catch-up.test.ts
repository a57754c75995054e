import { expect, it } from "vitest";
import type { Session } from "../../../src/room/connections/sessions.ts";
import { CatchUp } from "../../../src/room/delivery/catch-up.ts";

const NOW = 1_800_000_000_000;
const HOUR_MS = 3_600_000;

it("[G7] a connection that the room's memory holds back is checked again within 250 ms, also after the clock was set back", () => {
  const deliveries = { noteStalled: () => undefined };
  const catchUp = new CatchUp({ deliveries } as unknown as ConstructorParameters<typeof CatchUp>[0]);
  const session = { sendWindow: { isDoubted: true } } as unknown as Session;
  expect(catchUp.heldUntil(NOW)).toBe(undefined);

  catchUp.hold(session, NOW);

  expect(catchUp.heldUntil(NOW + 100)).toBe(NOW + 250);
  expect(catchUp.heldUntil(NOW - HOUR_MS)).toBe(NOW - HOUR_MS + 250);
});
