import fc from "fast-check";
import { evict } from "../support/rooms.ts";
import { anyAct, shouting, SHOUTS } from "./acts.ts";
import type { Connection } from "./connection.ts";
import type { Game } from "./simulation.ts";
import type { Player } from "./client.ts";
import { keepHeard, playerOf, QUIET_MS, sayingsIn, sayingsOf, SLOT_MS, who } from "./act-batches.ts";
import { command } from "./step.ts";

const shouts = fc.record({
  who,
  sayings: sayingsOf(anyAct, 0),
  between: fc.constantFrom("nothing", "sleep", "read"),
  end: fc.constantFrom("read", "read", "crash", "ask"),
});

/**
 * One shouts more than a window holds, while another with a window reads nothing, whatever it says and asks; then that
 * one reads on, or comes back. Once in a sequence: whoever has no window has an allowance.
 */
export const shout = command("shout", 1, shouts, async (game, { who: index, sayings, between, end }) => {
  const { model } = game;
  if (game.isLoud) return;
  const reader = await readerIn(game, index);
  const speaker = await speakerIn(game, index, reader);
  const { window } = reader;
  if (window === undefined) return;
  game.isLoud = true;
  const shoutOften = async (): Promise<void> => {
    for (let n = 0; n < SHOUTS; n++)
      await game.say({ player: speaker, acts: [shouting], isArray: false, byPost: false });
  };
  const settle = async (): Promise<void> => {
    for (const connection of model.connections) connection.stall(model.step);
    await game.settle(reader);
  };
  await keepHeard(game, QUIET_MS - SLOT_MS);
  reader.isStalled = true;
  await shoutOften();
  await settle();
  if (between === "sleep") await evict(game.room).catch(unlessAsleep);
  if (between === "read") await game.readOn(reader);
  await game.pass(SLOT_MS); // Budgets fill.
  model.endGraces();
  const { head } = model;
  await shoutOften();
  await game.say(...sayingsIn(game, sayings));
  await settle();
  if (end === "crash") await game.crash([], 0, game.players);
  if (end === "ask") {
    const { player } = reader;
    await game.askTooMuch(reader, window, head);
    await game.join(player, { over: "websocket", after: player.position, hasWindow: true });
    for (const connection of model.connections) connection.stall(model.step);
  }
  reader.isStalled = false;
});

/** Who is to read nothing: someone with a window, who joins if there is no one yet. */
async function readerIn(game: Game, index: number): Promise<Connection> {
  const reader = [...game.model.connections].find(({ window }) => window !== undefined);
  return reader ?? joined(game, playerOf(game, index), true);
}

/** Who is to shout: someone else, who joins if there is no one yet. */
async function speakerIn(game: Game, index: number, reader: Connection): Promise<Player> {
  const others = [...game.model.connections].filter((each) => each !== reader);
  const speaker = others[index % others.length]?.player;
  if (speaker !== undefined) return speaker;
  const next = (game.players.indexOf(reader.player) + 1) % game.players.length;
  return (await joined(game, playerOf(game, next), false)).player;
}

async function joined(game: Game, player: Player, hasWindow: boolean): Promise<Connection> {
  await game.join(player, { over: "websocket", after: player.position, hasWindow });
  await game.settle();
  const connection = game.model.connectionOf(player.id);
  if (connection === undefined) throw new Error(`${player.name} joined, and is not there`);
  return connection;
}

/** A room that is asleep cannot be put to sleep. */
export function unlessAsleep(error: unknown): void {
  if (!String(error).includes("not currently running")) throw error;
}
