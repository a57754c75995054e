import { expect, it } from "vitest";
import { Background, type Check } from "../../../../src/room/lifetime/background.ts";

const NOW = 1_800_000_000_000;

/** A check that adds its name to a list in its turn. */
function named(name: string, ran: string[]): Check {
  return Promise.resolve(() => void ran.push(name));
}

/** Gives each check that has started its turn. */
async function finish(background: Background, now: number): Promise<void> {
  for (const check of background.take(now)) (await check)(now);
}

it("[G12] each background check is taken once, in the order in which the checks were added", async () => {
  const background = new Background();
  const ran: string[] = [];
  background.add(named("first", ran));
  background.add(named("second", ran));

  await finish(background, NOW);
  await finish(background, NOW);

  expect(ran).toEqual(["first", "second"]);
});

it("[G12] a source of background checks decides at each event whether it starts one", async () => {
  const background = new Background();
  const ran: string[] = [];
  background.addSource((now) => (now < NOW + 10 ? undefined : named(`at ${now - NOW}`, ran)));

  for (const at of [0, 9, 10, 20]) await finish(background, NOW + at);

  expect(ran).toEqual(["at 10", "at 20"]);
});
