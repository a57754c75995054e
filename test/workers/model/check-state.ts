import { StateFold } from "../support/state.ts";
import type { Evidence } from "./checks.ts";
import type { Shared } from "./shared.ts";

/** T1-T4: a welcome tells the state where it must, and with the frames after it everyone knows what is so. */
export function* stateAgrees({ model, connections }: Evidence): Iterable<string> {
  yield* model.found.wrong;
  for (const connection of connections) {
    const { welcome: owed, asksForState, name, recorded } = connection;
    const [welcome] = connection.frames;
    if (welcome?.type !== "welcome") continue;
    const { state, stateOffset } = welcome;
    const isOwed = asksForState || owed.recovered !== true;
    if ((state !== undefined) !== isOwed)
      yield `${name} was ${isOwed ? "not " : ""}told the state, recovered: ${owed.recovered}`;
    const should = textOfShared(model.states[owed.head]);
    if (state !== undefined && (stateOffset !== owed.head || textOfState(Object.entries(state)) !== should))
      yield `${name} was told the state at ${stateOffset}: ${textOfState(Object.entries(state))}; not at ${owed.head}: ${should}`;
    const fold = new StateFold();
    // Who was recovered knows the state from before.
    fold.offset = owed.offset;
    for (const [key, { value, version }] of model.states[owed.offset] ?? [])
      fold.shared.set(key, [value, version]);
    fold.read(connection.frames);
    const read = Math.max(owed.offset, state === undefined ? 0 : owed.head, recorded.at(-1)?.offset ?? 0);
    const at = model.connections.has(connection) ? model.log.length : read;
    const [known, is] = [textOfState([...fold.shared]), textOfShared(model.states[at])];
    if (known !== is) yield `${name} believes that the state at ${at} is ${known}; not ${is}`;
  }
}

/** The state of the model as text that can be compared. */
export function textOfShared(shared: Shared = new Map()): string {
  return textOfState(Array.from(shared, ([key, { value, version }]) => [key, [value, version]]));
}

/** The state as text that can be compared. */
export function textOfState(entries: readonly (readonly [string, unknown])[]): string {
  return JSON.stringify(Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1))));
}
