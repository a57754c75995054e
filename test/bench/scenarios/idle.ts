import { setTimeout as delay } from "node:timers/promises";
import type { LoadTarget } from "../load/load-target.ts";
import { JOINABLE } from "./common.ts";
import { joinAll } from "./joins.ts";
import { withServer } from "./with-server.ts";
import type { Scenario } from "./scenario.ts";

/** Members of each room. */
const PER_ROOM = 100;

/** After these joins, all code that a join needs has run. */
const WARM_UP_JOINS = 20;

/** Rooms on Durable Objects sleep ten seconds after their last event. */
const ASLEEP_SECONDS = 15;

/** The memory of an idle connection. */
export const idle: Scenario = {
  name: "idle",
  about: ({ members, seconds }) =>
    `${members.toLocaleString("en")} idle members in rooms of ${PER_ROOM}: memory per member above that of the process before they joined, at once and ${seconds} s later`,
  metrics: [
    { name: "at once", unit: "KiB", better: "less" },
    { name: "later", unit: "KiB", better: "less" },
  ],
  contenders: JOINABLE,
  size: { members: 4_000, seconds: ASLEEP_SECONDS },
  quickSize: { members: 400, seconds: 1 },
  run: withServer(async (target, { size: { members, seconds }, progress }) => {
    await joinAll(target, WARM_UP_JOINS, 1);
    target.clear();
    await delay(1_000);
    const before = residentKiB(target);
    progress("joining");
    const flaws = await joinAll(target, members, PER_ROOM);
    await delay(1_000);
    const atOnce = residentKiB(target);
    progress("waiting");
    await delay(seconds * 1_000);
    const later = residentKiB(target);
    const each = (resident?: number): number | undefined =>
      resident === undefined || before === undefined ? undefined : (resident - before) / members;
    return { values: { "at once": each(atOnce), later: each(later) }, flaws };
  }),
};

function residentKiB(target: LoadTarget): number | undefined {
  const usage = target.usage();
  return usage && usage.residentBytes / 1_024;
}
