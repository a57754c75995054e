import { setTimeout as delay } from "node:timers/promises";
import { UNSPENT_VARS } from "../support/budgets.ts";
import { uniqueRoom } from "../support/rooms.ts";
import { SETTLE_MS } from "./awake.ts";
import { CountingMember } from "./counting-member.ts";
import { MeteredServer } from "./metered-server.ts";
import { totalOf, type Reading, type Totals } from "./readings.ts";

/** How members publish. */
interface Shape {
  readonly name: string;
  /** How many members publish; the others listen. */
  readonly members: number;
  /** How many frames of each member wait for their acks at a time. */
  readonly framesInFlight: number;
  readonly messagesPerFrame: number;
  /** Whether the shape is also measured with a room that hibernates before each message. */
  readonly alsoAsleep?: true;
}

/** What one room was billed for while messages were published in it. */
export interface LoadResult {
  readonly shape: string;
  /** The option `historyMaxMessages`. */
  readonly kept: number;
  /** A room with nothing to remove yet; one that keeps all it can; and a full one that hibernates before each frame. */
  readonly room: "new" | "full" | "asleep";
  readonly messages: number;
  readonly totals: Totals;
}

/** What to publish. */
export interface LoadOptions {
  /** Messages in each measurement, at most {@link MAX_MESSAGES}. */
  readonly messages: number;
  /** Values of the option `historyMaxMessages` to measure with. */
  readonly kept: readonly number[];
}

const MEMBERS = 10;

/** How many messages are published to a sleeping room. Each waits until the room hibernates. */
const WAKES = 2;

const SHAPES: readonly Shape[] = [
  { name: "one at a time", members: 1, framesInFlight: 1, messagesPerFrame: 1, alsoAsleep: true },
  { name: "20 in flight from each of 10", members: MEMBERS, framesInFlight: 20, messagesPerFrame: 1 },
  { name: "arrays of 64 from each of 10", members: MEMBERS, framesInFlight: 1, messagesPerFrame: 64 },
];

/**
 * Retries are deduplicated for this many acts and for this long (README, Limits). In a full room every message deletes an
 * older row, and every thousand messages delete a block of older acts.
 */
const REMEMBERED = { acts: 10_000, ms: 600_000 };

/** With more messages than this, a full room would begin to delete messages of the measurement itself. */
export const MAX_MESSAGES = REMEMBERED.acts;

/** Measures what recorded messages cost, in every shape, for every retention, in new rooms and in full ones. */
export async function measureLoad(
  { messages, kept }: LoadOptions,
  progress: (text: string) => void,
): Promise<LoadResult[]> {
  const results: LoadResult[] = [];
  for (const limit of kept) {
    const server = await MeteredServer.start({
      HISTORY_MAX_MESSAGES: String(limit),
      // Limits are out of the way, because a rejection would end the run.
      ...UNSPENT_VARS,
    });
    try {
      for (const shape of SHAPES) {
        const say = (doing: string): void => progress(`keeping ${limit}, ${shape.name}: ${doing}`);
        results.push(...(await measureRoom(server, shape, limit, messages, say)));
      }
    } finally {
      await server.stop();
    }
  }
  return results;
}

async function measureRoom(
  server: MeteredServer,
  shape: Shape,
  kept: number,
  messages: number,
  progress: (text: string) => void,
): Promise<LoadResult[]> {
  const room = uniqueRoom("cost");
  const members = await Promise.all(
    Array.from({ length: MEMBERS }, () => CountingMember.join(server.wsUrl, room)),
  );
  const measure = async (state: LoadResult["room"], count: number): Promise<LoadResult> => {
    const { readings } = await server.measure(room, () => publish(members, shape, count));
    return { shape: shape.name, kept, room: state, messages: count, totals: totalOf(readings) };
  };

  const measureAsleep = async (): Promise<LoadResult> => {
    const readings: Reading[] = [];
    for (let wake = 1; wake <= WAKES; wake++) {
      progress(`${wake} of ${WAKES} messages to a sleeping room`);
      await delay(SETTLE_MS);
      const span = await server.measure(room, () => publish(members, shape, 1));
      readings.push(...span.readings);
    }
    const totals = totalOf(readings);
    if (totals.events["loaded"] !== WAKES) throw new Error("the room did not sleep between messages");
    return { shape: shape.name, kept, room: "asleep", messages: WAKES, totals };
  };

  progress(`${messages} messages in a new room`);
  const results = [await measure("new", messages)];
  // One frame more, because the room decides what to delete before it stores a new message.
  const missing = Math.max(kept, REMEMBERED.acts) + shape.messagesPerFrame - messages;
  progress(`${missing} messages to fill the room`);
  await publish(members, shape, missing);
  await server.putForward(REMEMBERED.ms + 1_000);
  progress(`${messages} messages in a full room`);
  results.push(await measure("full", messages));
  if (shape.alsoAsleep === true) results.push(await measureAsleep());

  for (const member of members) member.vanish();
  return results;
}

/** Publishes this many messages. Resolves once all are acked. */
async function publish(members: readonly CountingMember[], shape: Shape, messages: number): Promise<void> {
  let left = messages;
  const keepOneInFlight = async (member: CountingMember): Promise<void> => {
    while (left > 0) {
      const count = Math.min(shape.messagesPerFrame, left);
      left -= count;
      await member.publish(count);
    }
  };
  const publishers = members.slice(0, shape.members);
  await Promise.all(
    publishers.flatMap((member) =>
      Array.from({ length: shape.framesInFlight }, () => keepOneInFlight(member)),
    ),
  );
}
