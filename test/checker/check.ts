import type { Act, Observation, Record } from "./record.ts";

/** A way in which a promise can be seen broken. */
export type Fault =
  | "lost"
  | "doubled"
  | "out of order"
  | "gap"
  | "disagreement"
  | "acked twice differently"
  | "from nowhere";

/** One broken promise, and where it was seen. */
export interface Violation {
  readonly fault: Fault;
  readonly detail: string;
}

/**
 * Judges a record by G1 (one order, without gaps), G2 (what is acked is stored), G3 (stored once) and G4 (exact resume,
 * or told so). Call it once every member has caught up with the end of the log, at `head`.
 */
export function check(record: Record, head: number): readonly Violation[] {
  const ids = new Map<number, string>();
  return [
    ...record.members.flatMap(([name, seen]) => [
      ...agreement(name, seen, ids),
      ...continuity(name, seen, head),
    ]),
    ...record.acts.flatMap((act) => answers(act, ids)),
    ...origins(record, ids),
  ];
}

/** Everyone sees the same message at an offset. Fills `ids` with what stands at each. */
function agreement(name: string, seen: readonly Observation[], ids: Map<number, string>): Violation[] {
  const found: Violation[] = [];
  for (const observation of seen) {
    if (observation.what !== "saw") continue;
    const { offset, id } = observation;
    const known = ids.get(offset);
    if (known === undefined) ids.set(offset, id);
    else if (known !== id)
      found.push(fault("disagreement", `${name} saw ${id} at ${offset}, others ${known}`));
  }
  return found;
}

/** A member sees each offset once, in order, without a gap, unless it was told of one, and to the end. */
function continuity(name: string, seen: readonly Observation[], head: number): Violation[] {
  const found: Violation[] = [];
  let at: number | undefined;
  for (const observation of seen) {
    if (observation.what === "joined") {
      if (at !== undefined && observation.isRecovered && observation.offset !== at) {
        found.push(
          fault("gap", `${name} stood at ${at} and was put to ${observation.offset} without being told`),
        );
      }
      at = observation.offset;
    } else if (observation.what === "moved") at = Math.max(at ?? 0, observation.offset);
    else {
      const { offset } = observation;
      const before = at ?? 0;
      if (offset === before) found.push(fault("doubled", `${name} saw ${offset} twice`));
      else if (offset < before) found.push(fault("out of order", `${name} saw ${offset} after ${before}`));
      else if (offset > before + 1) found.push(fault("gap", `${name} saw ${offset} right after ${before}`));
      at = Math.max(before, offset);
    }
  }
  if (at !== undefined && at < head) found.push(fault("lost", `${name} ended at ${at}, the log at ${head}`));
  return found;
}

/** An act has one offset, whatever its acks, and is there where they say. */
function answers(act: Act, ids: ReadonlyMap<number, string>): Violation[] {
  const [offset, ...others] = new Set(act.ackedAt);
  if (offset === undefined) return [];
  if (others.length > 0)
    return [fault("acked twice differently", `${act.id} at ${[offset, ...others].join(" and ")}`)];
  const there = ids.get(offset);
  // An offset that no one saw was before anyone's time.
  if (there === undefined || there === act.id) return [];
  return [fault("lost", `${act.id} was acked at ${offset}, where ${there} stands`)];
}

/** What is seen was sent by someone, stands at one offset only, and was not refused. */
function origins(record: Record, ids: ReadonlyMap<number, string>): Violation[] {
  const acts = new Map(record.acts.map((act) => [act.id, act]));
  const offsets = new Map<string, number>();
  const found: Violation[] = [];
  for (const [offset, id] of ids) {
    const twin = offsets.get(id);
    if (twin !== undefined) found.push(fault("doubled", `${id} is stored at ${twin} and at ${offset}`));
    offsets.set(id, offset);
    const act = acts.get(id);
    if (act === undefined) found.push(fault("from nowhere", `no one sent ${id}, seen at ${offset}`));
    else if (act.isRefused) found.push(fault("from nowhere", `${id} was refused, and seen at ${offset}`));
  }
  return found;
}

function fault(name: Fault, detail: string): Violation {
  return { fault: name, detail };
}
