import { vi } from "vitest";
import { infoOf } from "../support/rooms.ts";
import { stateOf } from "../support/state.ts";
import { textOfShared, textOfState } from "./check-state.ts";
import type { Model } from "./model.ts";
import type { Client } from "./client.ts";
import { isLost } from "./recorded.ts";

/** Reads the number of members, the end of the log and the state, as any client may. */
export async function expectPublicState(room: string, model: Model): Promise<void> {
  const { members, position } = await infoOf(room);
  const [is, should] = [`${members} at ${position}`, `${model.members.size} at ${model.epoch}:${model.head}`];
  if (is !== should) throw new Error(`[N3] the room reports ${is}; expected ${should}`);
  const { shared, stateOffset } = await stateOf(room);
  const [told, owed] = [textOfState([...shared]), textOfShared(model.state)];
  if (told !== owed || stateOffset !== model.head)
    throw new Error(`[H7] the state at ${stateOffset} is ${told}; expected at ${model.head} ${owed}`);
}

/** Resolves once the room has noticed that a member's connection is lost. */
export async function lossNoticed(room: string, { id, name }: Client): Promise<void> {
  const look = async (): Promise<void> => {
    if (!(await isLost(room, id)))
      throw new Error(`[M4] ${name} has lost its connection, but the room has not noticed`);
  };
  await vi.waitFor(look, { interval: 1, timeout: 10_000 });
}
