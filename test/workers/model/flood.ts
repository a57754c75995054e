import fc from "fast-check";
import { evict } from "../support/rooms.ts";
import { anyAct, largePublish, LARGE_PUBLISHES } from "./acts.ts";
import type { Connection } from "./connection.ts";
import type { Simulation } from "./simulation.ts";
import type { Client } from "./client.ts";
import { keepAlive, clientOf, QUIET_MS, batchesIn, batchesOf, SLOT_MS, who } from "./act-batches.ts";
import { command } from "./step.ts";

const floods = fc.record({
  who,
  batches: batchesOf(anyAct, 0),
  between: fc.constantFrom("nothing", "sleep", "read"),
  end: fc.constantFrom("read", "read", "crash", "ask"),
});

/**
 * One client publishes more than a window holds, while another client with a window reads nothing, whatever it sends
 * and requests. Then that client reads on or reconnects. This happens once in a sequence, because clients without a
 * window have an allowance.
 */
export const flood = command(
  "flood",
  1,
  floods,
  async (simulation, { who: index, batches, between, end }) => {
    const { model } = simulation;
    if (simulation.isFlooded) return;
    const reader = await readerIn(simulation, index);
    const speaker = await speakerIn(simulation, index, reader);
    const { window } = reader;
    if (window === undefined) return;
    simulation.isFlooded = true;
    const shoutOften = async (): Promise<void> => {
      for (let n = 0; n < LARGE_PUBLISHES; n++)
        await simulation.send({ client: speaker, acts: [largePublish], isArray: false, byPost: false });
    };
    const settle = async (): Promise<void> => {
      for (const connection of model.connections) connection.stall(model.step);
      await simulation.settle(reader);
    };
    await keepAlive(simulation, QUIET_MS - SLOT_MS);
    reader.isStalled = true;
    await shoutOften();
    await settle();
    if (between === "sleep") await evict(simulation.room).catch(unlessAsleep);
    if (between === "read") await simulation.readOn(reader);
    await simulation.pass(SLOT_MS); // Budgets refill.
    model.endGraces();
    const { head } = model;
    await shoutOften();
    await simulation.send(...batchesIn(simulation, batches));
    await settle();
    if (end === "crash") await simulation.crash([], 0, simulation.clients);
    if (end === "ask") {
      const { client } = reader;
      await simulation.askTooMuch(reader, window, head);
      await simulation.join(client, { over: "websocket", after: client.position, hasWindow: true });
      for (const connection of model.connections) connection.stall(model.step);
    }
    reader.isStalled = false;
  },
);

/** The client that reads nothing: one with a window, which joins if there is none yet. */
async function readerIn(simulation: Simulation, index: number): Promise<Connection> {
  const reader = [...simulation.model.connections].find(({ window }) => window !== undefined);
  return reader ?? joined(simulation, clientOf(simulation, index), true);
}

/** The publisher: another client, which joins if there is none yet. */
async function speakerIn(simulation: Simulation, index: number, reader: Connection): Promise<Client> {
  const others = [...simulation.model.connections].filter((each) => each !== reader);
  const speaker = others[index % others.length]?.client;
  if (speaker !== undefined) return speaker;
  const next = (simulation.clients.indexOf(reader.client) + 1) % simulation.clients.length;
  return (await joined(simulation, clientOf(simulation, next), false)).client;
}

async function joined(simulation: Simulation, client: Client, hasWindow: boolean): Promise<Connection> {
  await simulation.join(client, { over: "websocket", after: client.position, hasWindow });
  await simulation.settle();
  const connection = simulation.model.connectionOf(client.id);
  if (connection === undefined) throw new Error(`${client.name} has joined, but has no connection`);
  return connection;
}

/** Ignores the error that a sleeping room cannot be evicted. */
export function unlessAsleep(error: unknown): void {
  if (!String(error).includes("not currently running")) throw error;
}
