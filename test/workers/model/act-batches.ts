import fc from "fast-check";
import type { Act } from "./act.ts";
import { asking } from "./acts.ts";
import type { Connection } from "./connection.ts";
import type { Simulation } from "./simulation.ts";
import { NAMES, type Client } from "./client.ts";
import type { ActBatch } from "./sending.ts";

/** The index of a client, or of a connected client. */
export const who = fc.nat(NAMES.length - 1);

/** What a client sends, before the clients are known. */
export interface PlannedBatch {
  readonly who: number;
  /** Whether the sender may be a client without a connection, which then acts by POST. */
  readonly isAnyone: boolean;
  readonly acts: readonly Act[];
  readonly isArray: boolean;
  readonly byPost: boolean;
}

export function batchesOf(act: fc.Arbitrary<Act>, minLength: number): fc.Arbitrary<readonly PlannedBatch[]> {
  const batch = fc.record({
    who,
    isAnyone: oneIn(8),
    acts: fc.array(act, { minLength: 1, maxLength: 4 }),
    isArray: fc.constantFrom(true, true, false),
    byPost: oneIn(5),
  });
  return fc.array(batch, { minLength, maxLength: 2 });
}

/** The batches of these clients, at most one for each client. */
export function batchesIn(simulation: Simulation, batches: readonly PlannedBatch[]): readonly ActBatch[] {
  const byClient = new Map<Client, ActBatch>();
  for (const batch of batches) {
    const client = batch.isAnyone
      ? clientOf(simulation, batch.who)
      : connectionOf(simulation, batch.who)?.client;
    if (client !== undefined) byClient.set(client, { ...batch, client });
  }
  return [...byClient.values()];
}

/** Lets clients that have been silent for a long time send something. */
export function keepAlive(simulation: Simulation, silentMs: number): Promise<void> {
  const { model } = simulation;
  const quiet = [...model.connections].filter(({ heardAt }) => model.now - heardAt >= silentMs);
  return simulation.send(
    ...quiet.map(({ client }) => ({ client, acts: [asking], isArray: false, byPost: false })),
  );
}

/** One of the live connections; `undefined` if there is none. */
export function connectionOf({ model }: Simulation, index: number): Connection | undefined {
  return [...model.connections][index % model.connections.size];
}

export function clientOf({ clients }: Simulation, index: number): Client {
  const client = clients[index];
  if (client === undefined) throw new Error(`there is no client ${index}`);
  return client;
}

/** True once in this many times. */
export function oneIn(times: number): fc.Arbitrary<boolean> {
  return fc.nat(times - 1).map((n) => n === times - 1);
}
/** Leaves after a grace are grouped into slots of this length. */
export const SLOT_MS = 15_000;

/** Clients that have been silent for this long send something before time passes, so that none times out by chance. */
export const QUIET_MS = 60_000;
