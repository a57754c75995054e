import fc from "fast-check";
import type { Act } from "./act.ts";
import { asking } from "./acts.ts";
import type { Connection } from "./connection.ts";
import type { Game } from "./simulation.ts";
import { NAMES, type Player } from "./client.ts";
import type { Saying } from "./sending.ts";

/** Which of the players, or of those connected. */
export const who = fc.nat(NAMES.length - 1);

/** What a client says, before it is known who the clients are. */
export interface SayingOf {
  readonly who: number;
  /** Whether it may be someone who is not connected, and then acts by POST. */
  readonly isAnyone: boolean;
  readonly acts: readonly Act[];
  readonly isArray: boolean;
  readonly byPost: boolean;
}

export function sayingsOf(act: fc.Arbitrary<Act>, minLength: number): fc.Arbitrary<readonly SayingOf[]> {
  const saying = fc.record({
    who,
    isAnyone: oneIn(8),
    acts: fc.array(act, { minLength: 1, maxLength: 4 }),
    isArray: fc.constantFrom(true, true, false),
    byPost: oneIn(5),
  });
  return fc.array(saying, { minLength, maxLength: 2 });
}

/** Each says one thing at a time. */
export function sayingsIn(game: Game, sayings: readonly SayingOf[]): readonly Saying[] {
  const byPlayer = new Map<Player, Saying>();
  for (const saying of sayings) {
    const player = saying.isAnyone ? playerOf(game, saying.who) : connectionOf(game, saying.who)?.player;
    if (player !== undefined) byPlayer.set(player, { ...saying, player });
  }
  return [...byPlayer.values()];
}

/** Who has been silent for long says something. */
export function keepHeard(game: Game, silentMs: number): Promise<void> {
  const { model } = game;
  const quiet = [...model.connections].filter(({ heardAt }) => model.now - heardAt >= silentMs);
  return game.say(...quiet.map(({ player }) => ({ player, acts: [asking], isArray: false, byPost: false })));
}

/** One of the live connections; none where there is none. */
export function connectionOf({ model }: Game, index: number): Connection | undefined {
  return [...model.connections][index % model.connections.size];
}

export function playerOf({ players }: Game, index: number): Player {
  const player = players[index];
  if (player === undefined) throw new Error(`there is no player ${index}`);
  return player;
}

/** True once in so many times. */
export function oneIn(times: number): fc.Arbitrary<boolean> {
  return fc.nat(times - 1).map((n) => n === times - 1);
}
/** Departures are gathered into slots of this length. */
export const SLOT_MS = 15_000;

/** Who was silent for so long says something before time passes: nobody shall be closed for silence by chance. */
export const QUIET_MS = 60_000;
