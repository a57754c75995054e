import fc from "fast-check";
import { OPTIONS } from "../../../src/config/options.ts";
import { evict } from "../support/rooms.ts";
import { WebSocketMember } from "../support/websocket.ts";
import { anyAct, anyMessage, asking, leaving } from "./acts.ts";
import type { Transport } from "./connection.ts";
import { NAMES } from "./client.ts";
import {
  connectionOf,
  keepAlive,
  oneIn,
  clientOf,
  QUIET_MS,
  batchesIn,
  batchesOf,
  SLOT_MS,
  who,
} from "./act-batches.ts";
import { flood, unlessAsleep } from "./flood.ts";
import { command } from "./step.ts";

const joining = fc.record({
  who,
  over: fc.constantFrom<Transport>("websocket", "websocket", "sse"),
  from: fc.constantFrom("here", "back", "back", "back", "rewind", "stale", "ahead", "foreign", "malformed"),
  n: fc.nat(12),
  isHeader: fc.boolean(),
  presence: fc.option(fc.nat(3), { nil: undefined, freq: 2 }),
  answersLate: oneIn(3),
  asksForState: oneIn(3),
  hasWindow: fc.boolean(),
});

const join = command("join", 10, joining, async (simulation, { who: index, from, n, ...how }) => {
  const { model } = simulation;
  const client = clientOf(simulation, index);
  const epoch = model.epoch ?? "none";
  const positions: Readonly<Record<string, string | undefined>> = {
    back: client.position,
    stale: `${epoch}:${n % (model.head + 1)}`,
    ahead: `${epoch}:${model.head + 1 + n}`,
    foreign: `${model.formerEpochs.at(-1) ?? "foreign"}:${n}`,
    malformed: `${epoch}:-${n}`,
  };
  const rewind = from === "rewind" ? n : undefined;
  await simulation.join(client, { ...how, after: positions[from], rewind });
});

const nothing = fc.constant({});

const say = command("say", 14, batchesOf(anyAct, 1), (simulation, batches) =>
  simulation.send(...batchesIn(simulation, batches)),
);

const leave = command(
  "leave",
  2,
  fc.record({ who, before: fc.array(anyAct, { maxLength: 2 }), byPost: fc.boolean() }),
  async (simulation, { who: index, before, byPost }) => {
    const client = clientOf(simulation, index);
    const connection = simulation.model.connectionOf(client.id);
    const batch = { client, acts: [...before, leaving, asking], isArray: true, byPost };
    if (!simulation.hasBudgetFor(batch)) return;
    await simulation.send(batch);
    if (connection !== undefined) await simulation.ended(connection, 4507);
  },
);

const close = command("close", 2, fc.record({ who }), async (simulation, { who: index }) => {
  const connection = connectionOf(simulation, index);
  if (!(connection?.socket instanceof WebSocketMember)) return; // An EventSource has no way to send this.
  simulation.model.endMembership(connection.client.id, "left");
  connection.socket.close(1000);
  await simulation.ended(connection, 1000);
});

const drop = command("drop", 4, fc.record({ who }), async (simulation, { who: index }) => {
  const connection = connectionOf(simulation, index);
  if (connection === undefined) return;
  const { client, socket } = connection;
  simulation.model.lose(client.id, "disconnected");
  // A socket with both ends in one process cannot be cut. For the room, a reloaded page is the same as a lost
  // connection.
  if (socket instanceof WebSocketMember) socket.close(1001);
  else socket.vanish();
  await simulation.ended(connection, socket instanceof WebSocketMember ? 1001 : 1006);
  await simulation.lost(client);
});

/** A socket may stay in the closing state for long. Its late end must not affect any member. */
const answerClose = command("answerClose", 2, nothing, async (simulation) => simulation.answerClose());

const sleep = command("sleep", 4, nothing, async ({ room }) => {
  await evict(room).catch(unlessAsleep);
});

const crash = command(
  "crash",
  3,
  fc.record({
    batches: batchesOf(anyMessage, 0),
    trips: fc.nat(3),
    stayAway: fc.subarray<string>([...NAMES]),
  }),
  async (simulation, { batches, trips, stayAway }) => {
    const returning = [...simulation.model.connections].map(({ client }) => client);
    await simulation.crash(
      batchesIn(simulation, batches),
      trips,
      returning.filter(({ name }) => !stayAway.includes(name)),
    );
  },
);

const alarm = command("alarm", 1, nothing, (simulation) => simulation.runAlarm());

/** A grace is two slots long. After one slot no grace has ended, after two every earlier one has. */
const pass = command(
  "pass",
  3,
  fc.record({ slots: fc.integer({ min: 1, max: 3 }) }),
  async (simulation, { slots }) => {
    await keepAlive(simulation, QUIET_MS);
    await simulation.pass(slots * SLOT_MS);
    simulation.model.endGraces();
  },
);

/** Longer than the heartbeat timeout, the retention of messages and the time for which an empty room is kept. */
const age = command("age", 1, nothing, async (simulation) => {
  const { model } = simulation;
  const silent = [...model.connections];
  await simulation.pass(AGE_MS);
  model.fallSilent(silent);
  model.endGraces();
  await Promise.all(silent.map((connection) => simulation.ended(connection, 4002)));
  if (!model.expire()) return;
  for (const client of simulation.clients) client.forget();
});

/** Any step. The weights set how often each kind occurs. */
export const anyStep = fc.oneof(
  join,
  say,
  leave,
  close,
  drop,
  answerClose,
  sleep,
  crash,
  alarm,
  pass,
  age,
  flood,
);

const AGE_MS = OPTIONS.historyMaxAgeMs.default + 24 * 3_600_000;
