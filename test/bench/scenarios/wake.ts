import { setTimeout as delay } from "node:timers/promises";
import { OPTIONS } from "../../../src/config/options.ts";
import { SETTLE_MS } from "../../cost/awake.ts";
import { CountingMember } from "../../cost/counting-member.ts";
import { MeteredServer } from "../../cost/metered-server.ts";
import { totalOf } from "../../cost/readings.ts";
import { uniqueRoom } from "../../support/rooms.ts";
import { NO_LIMITS } from "../contenders/parlor.ts";
import { spreadOf } from "../measure/statistics.ts";
import { withTimeout } from "./with-server.ts";
import type { Outcome, Scenario, Setup } from "./scenario.ts";

/** Members send nothing while the clock is advanced. */
const NEVER_SILENT = { SILENCE_TIMEOUT_MS: String(OPTIONS.silenceTimeoutMs.max) };

/** The messages in a room with history, each published alone and stored in its own row. */
const STORED = 10_000;

/** By then they are older than the ten minutes during which acts are always deduplicated. */
const AGED_MS = 601_000;

const RUN_TIMEOUT_MS = 600_000;

/** Measurements of rooms with the same number of stored messages. */
interface Wakes {
  /** Milliseconds from a message to its ack. */
  readonly ackMs: number[];
  readonly rowsRead: number[];
}

/** What a history costs a room that wakes up. */
export const wake: Scenario = {
  name: "wake",
  about: ({ members, seconds }) =>
    `${members} empty rooms and ${members} rooms with ${STORED.toLocaleString("en")} stored messages in one row each, all hibernating; each receives a message, ${wakesIn(seconds)} times: time until its ack, and rows that the room reads`,
  metrics: [
    { name: "empty room, p50", unit: "ms", better: "less" },
    { name: "with history, p50", unit: "ms", better: "less" },
    { name: "history to empty", unit: "×", better: "less" },
    { name: "empty room, rows read", unit: "", better: "less" },
    { name: "with history, rows read", unit: "", better: "less" },
  ],
  contenders: ["parlor"],
  size: { members: 8, seconds: (3 * SETTLE_MS) / 1_000 },
  quickSize: { members: 1, seconds: SETTLE_MS / 1_000 },
  run: async (setup) => {
    const server = await MeteredServer.start({ ...NO_LIMITS, ...NEVER_SILENT }, setup.runner);
    try {
      return await withTimeout(RUN_TIMEOUT_MS, measure(server, setup));
    } finally {
      await server.stop();
    }
  },
};

function wakesIn(seconds: number): number {
  return Math.floor((seconds * 1_000) / SETTLE_MS);
}

async function measure(server: MeteredServer, { size, progress }: Setup): Promise<Outcome> {
  const flaws: string[] = [];
  const empty: Wakes = { ackMs: [], rowsRead: [] };
  const full: Wakes = { ackMs: [], rowsRead: [] };
  const rooms = Array.from({ length: size.members * 2 }, (_, index) => ({
    name: uniqueRoom("wake"),
    wakes: index % 2 === 0 ? empty : full,
  }));
  progress(`storing ${STORED} messages in each of ${size.members} rooms`);
  const members = await Promise.all(rooms.map(({ name }) => CountingMember.join(server.wsUrl, name)));
  await Promise.all(
    members.map(async (member, index) => {
      for (let n = 0; rooms[index]?.wakes === full && n < STORED; n++) await member.publish(1);
    }),
  );
  await server.putForward(AGED_MS);
  for (let round = 1; round <= wakesIn(size.seconds); round++) {
    progress(`${round} of ${wakesIn(size.seconds)} wakes`);
    await delay(SETTLE_MS);
    // One after the other, so that no room waits for another.
    for (const [index, { name, wakes }] of rooms.entries()) {
      const { readings } = await server.measure(name, async () => {
        const startedAt = performance.now();
        await members[index]?.publish(1);
        wakes.ackMs.push(performance.now() - startedAt);
      });
      const { events, rows } = totalOf(readings);
      if (events["loaded"] !== 1) flaws.push(`the room ${name} did not sleep`);
      wakes.rowsRead.push(rows.read);
    }
  }
  for (const member of members) member.vanish();
  return { values: valuesOf(empty, full), flaws };
}

function valuesOf(empty: Wakes, full: Wakes): Record<string, number | undefined> {
  const median = (values: readonly number[]): number | undefined => spreadOf(values)?.median;
  const [emptyMs, fullMs] = [median(empty.ackMs), median(full.ackMs)];
  return {
    "empty room, p50": emptyMs,
    "with history, p50": fullMs,
    "history to empty": emptyMs && fullMs && fullMs / emptyMs,
    "empty room, rows read": median(empty.rowsRead),
    "with history, rows read": median(full.rowsRead),
  };
}
