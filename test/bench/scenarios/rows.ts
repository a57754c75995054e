import { setTimeout as delay } from "node:timers/promises";
import { MeteredServer } from "../../cost/metered-server.ts";
import { totalOf } from "../../cost/readings.ts";
import { NO_LIMITS } from "../contenders/parlor.ts";
import { Crowd } from "../load/crowd.ts";
import { paced } from "../load/paced.ts";
import { LoadTarget } from "../load/load-target.ts";
import { withTimeout } from "./with-server.ts";
import type { Outcome, Scenario, Setup } from "./scenario.ts";

/** Messages a second from all members together. */
const PER_SECOND = 2_000;

/**
 * A room removes something for every message once it exceeds what it keeps, and once acts are older than the ten minutes
 * and 10,000 acts of deduplication (README, What it costs).
 */
const FILL = { messages: 10_000, ms: 601_000 };

const RUN_TIMEOUT_MS = 300_000;

/** The rows that a busy room is billed for. */
export const rows: Scenario = {
  name: "rows",
  about: ({ members, seconds }) =>
    `one full room of ${members} members that record ${PER_SECOND.toLocaleString("en")} messages of 100 bytes a second in total for ${seconds} s: rows written and read per 1,000 messages`,
  metrics: [
    { name: "rows inserted", unit: "of 1,000", better: "less" },
    { name: "rows trimmed", unit: "of 1,000", better: "less" },
    { name: "rows read", unit: "of 1,000", better: "less" },
    { name: "messages", unit: "" },
  ],
  contenders: ["parlor"],
  size: { members: 10, seconds: 5 }, // with more messages than FILL there would be nothing left to remove
  quickSize: { members: 10, seconds: 1 },
  run: async (setup) => {
    const server = await MeteredServer.start(NO_LIMITS, setup.runner);
    const target = new LoadTarget(setup.contender, server);
    try {
      return await withTimeout(RUN_TIMEOUT_MS, measure(server, target, setup));
    } finally {
      target.end();
      await server.stop();
    }
  },
};

async function measure(
  server: MeteredServer,
  target: LoadTarget,
  { size: { members, seconds }, progress }: Setup,
): Promise<Outcome> {
  const crowd = await Crowd.gather(target, { members });
  const publish = async (forSeconds: number): Promise<void> => {
    const stop = paced(PER_SECOND, (index) => crowd.publish(0, index % members));
    await delay(forSeconds * 1_000);
    stop();
    await crowd.drain();
  };
  progress(`filling the room with ${FILL.messages} messages`);
  await publish(FILL.messages / PER_SECOND);
  await server.putForward(FILL.ms);
  progress("publishing");
  const published = crowd.ledger.expected;
  const { readings } = await server.measure(target.room(0), () => publish(seconds));
  const messages = (crowd.ledger.expected - published) / members;
  const { inserted, deleted, read } = totalOf(readings).rows;
  return {
    values: {
      "rows inserted": (inserted / messages) * 1_000,
      "rows trimmed": (deleted / messages) * 1_000,
      "rows read": (read / messages) * 1_000,
      messages,
    },
    flaws: crowd.flaws(),
  };
}
