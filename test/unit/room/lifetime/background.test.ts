import { expect, it } from "vitest";
import { Background, type Check } from "../../../../src/room/lifetime/background.ts";

const NOW = 1_800_000_000_000;

/** A check that says its name in its turn. */
function named(name: string, said: string[]): Check {
  return Promise.resolve(() => void said.push(name));
}

/** Gives each check that has started its turn. */
async function finish(background: Background, now: number): Promise<void> {
  for (const check of background.take(now)) (await check)(now);
}

it("[G12] each background check is taken once, in the order in which the checks were added", async () => {
  const background = new Background();
  const said: string[] = [];
  background.add(named("first", said));
  background.add(named("second", said));

  await finish(background, NOW);
  await finish(background, NOW);

  expect(said).toEqual(["first", "second"]);
});

it("[G12] a source of background checks decides at each event whether it starts one", async () => {
  const background = new Background();
  const said: string[] = [];
  background.addSource((now) => (now < NOW + 10 ? undefined : named(`at ${now - NOW}`, said)));

  for (const at of [0, 9, 10, 20]) await finish(background, NOW + at);

  expect(said).toEqual(["at 10", "at 20"]);
});
