import { StateFold } from "../support/state.ts";
import type { Evidence } from "./checks.ts";
import type { Shared } from "./shared.ts";

/** T1-T4: a welcome has the state where it must. With the later frames, every client knows the current state. */
export function* stateAgrees({ model, connections }: Evidence): Iterable<string> {
  yield* model.found.wrong;
  for (const connection of connections) {
    const { welcome: owed, asksForState, name, recorded } = connection;
    const [welcome] = connection.frames;
    if (welcome?.type !== "welcome") continue;
    const { state, stateOffset } = welcome;
    const isOwed = asksForState || owed.recovered !== true;
    if ((state !== undefined) !== isOwed)
      yield `${name} ${isOwed ? "did not get" : "got"} the state, recovered: ${owed.recovered}`;
    const should = textOfShared(model.states[owed.head]);
    if (state !== undefined && (stateOffset !== owed.head || textOfState(Object.entries(state)) !== should))
      yield `${name} got the state at ${stateOffset}: ${textOfState(Object.entries(state))}; expected at ${owed.head}: ${should}`;
    const fold = new StateFold();
    // A recovered client knows the state from before.
    fold.offset = owed.offset;
    for (const [key, { value, version }] of model.states[owed.offset] ?? [])
      fold.shared.set(key, [value, version]);
    fold.read(connection.frames);
    const read = Math.max(owed.offset, state === undefined ? 0 : owed.head, recorded.at(-1)?.offset ?? 0);
    const at = model.connections.has(connection) ? model.log.length : read;
    const [known, is] = [textOfState([...fold.shared]), textOfShared(model.states[at])];
    if (known !== is) yield `${name} knows the state at ${at} as ${known}; expected ${is}`;
  }
}

/** The state of the model as comparable text. */
export function textOfShared(shared: Shared = new Map()): string {
  return textOfState(Array.from(shared, ([key, { value, version }]) => [key, [value, version]]));
}

/** A state as comparable text. */
export function textOfState(entries: readonly (readonly [string, unknown])[]): string {
  return JSON.stringify(Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1))));
}
