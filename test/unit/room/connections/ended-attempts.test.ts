import { expect, it } from "vitest";
import { EndedAttempts } from "../../../../src/room/connections/ended-attempts.ts";

/** The maximum number of remembered sessions. */
const MAX = 1_024;

it("[J11] the room remembers the attempt numbers of the newest 1,024 sessions without a connection", () => {
  const attempts = new EndedAttempts();
  for (let n = 0; n < MAX; n++) attempts.remember(`s${n}`, n);
  attempts.remember("s0", 7);

  for (let n = 0; n < 10; n++) attempts.remember(`t${n}`, n);

  expect(attempts.of("s0")).toBe(7);
  expect(attempts.of("s10")).toBeUndefined();
  expect(attempts.of("s11")).toBe(11);
});
