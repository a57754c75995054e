import fc from "fast-check";
import { OPTIONS } from "../../../src/config/options.ts";
import { evict } from "../support/rooms.ts";
import { WebSocketMember } from "../support/websocket.ts";
import { anyAct, anyMessage, asking, leaving } from "./acts.ts";
import type { Transport } from "./connection.ts";
import { NAMES } from "./client.ts";
import {
  connectionOf,
  keepHeard,
  oneIn,
  playerOf,
  QUIET_MS,
  sayingsIn,
  sayingsOf,
  SLOT_MS,
  who,
} from "./act-batches.ts";
import { shout, unlessAsleep } from "./flood.ts";
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

const join = command("join", 10, joining, async (game, { who: index, from, n, ...how }) => {
  const { model } = game;
  const player = playerOf(game, index);
  const epoch = model.epoch ?? "none";
  const positions: Readonly<Record<string, string | undefined>> = {
    back: player.position,
    stale: `${epoch}:${n % (model.head + 1)}`,
    ahead: `${epoch}:${model.head + 1 + n}`,
    foreign: `${model.formerEpochs.at(-1) ?? "foreign"}:${n}`,
    malformed: `${epoch}:-${n}`,
  };
  const rewind = from === "rewind" ? n : undefined;
  await game.join(player, { ...how, after: positions[from], rewind });
});

const nothing = fc.constant({});

const say = command("say", 14, sayingsOf(anyAct, 1), (game, sayings) =>
  game.say(...sayingsIn(game, sayings)),
);

const leave = command(
  "leave",
  2,
  fc.record({ who, before: fc.array(anyAct, { maxLength: 2 }), byPost: fc.boolean() }),
  async (game, { who: index, before, byPost }) => {
    const player = playerOf(game, index);
    const connection = game.model.connectionOf(player.id);
    const saying = { player, acts: [...before, leaving, asking], isArray: true, byPost };
    if (!game.mayBeSaid(saying)) return;
    await game.say(saying);
    if (connection !== undefined) await game.ended(connection, 4507);
  },
);

const close = command("close", 2, fc.record({ who }), async (game, { who: index }) => {
  const connection = connectionOf(game, index);
  if (!(connection?.socket instanceof WebSocketMember)) return; // An EventSource has no way to say so.
  game.model.depart(connection.player.id, "left");
  connection.socket.close(1000);
  await game.ended(connection, 1000);
});

const drop = command("drop", 4, fc.record({ who }), async (game, { who: index }) => {
  const connection = connectionOf(game, index);
  if (connection === undefined) return;
  const { player, socket } = connection;
  game.model.lose(player.id, "disconnected");
  // A socket whose ends are in one process cannot be cut. A page that is reloaded is as good as lost to the room.
  if (socket instanceof WebSocketMember) socket.close(1001);
  else socket.vanish();
  await game.ended(connection, socket instanceof WebSocketMember ? 1001 : 1006);
  await game.lost(player);
});

/** A socket may stay closing for long: its late end is no one's. */
const answerClose = command("answerClose", 2, nothing, async (game) => game.answerClose());

const sleep = command("sleep", 4, nothing, async ({ room }) => {
  await evict(room).catch(unlessAsleep);
});

const crash = command(
  "crash",
  3,
  fc.record({
    saying: sayingsOf(anyMessage, 0),
    trips: fc.nat(3),
    stayAway: fc.subarray<string>([...NAMES]),
  }),
  async (game, { saying, trips, stayAway }) => {
    const returning = [...game.model.connections].map(({ player }) => player);
    await game.crash(
      sayingsIn(game, saying),
      trips,
      returning.filter(({ name }) => !stayAway.includes(name)),
    );
  },
);

const alarm = command("alarm", 1, nothing, (game) => game.runAlarm());

/** A grace is two slots: after one nothing is over yet, after two all is that began before. */
const pass = command(
  "pass",
  3,
  fc.record({ slots: fc.integer({ min: 1, max: 3 }) }),
  async (game, { slots }) => {
    await keepHeard(game, QUIET_MS);
    await game.pass(slots * SLOT_MS);
    game.model.endGraces();
  },
);

/** Longer than anyone may be silent, than messages are kept, and than a room stays that is empty. */
const age = command("age", 1, nothing, async (game) => {
  const { model } = game;
  const silent = [...model.connections];
  await game.pass(AGE_MS);
  model.fallSilent(silent);
  model.endGraces();
  await Promise.all(silent.map((connection) => game.ended(connection, 4002)));
  if (!model.expire()) return;
  for (const player of game.players) player.forget();
});

/** Any step, the likelier the more of it there should be. */
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
  shout,
);

const AGE_MS = OPTIONS.historyMaxAgeMs.default + 24 * 3_600_000;
