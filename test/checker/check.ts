import type { Act, Observation, Record } from "./record.ts";

/** The ways in which a guarantee can be violated. */
export type Fault =
  | "lost"
  | "doubled"
  | "out of order"
  | "gap"
  | "disagreement"
  | "acked twice differently"
  | "from nowhere";

/** One violation, and where it was observed. */
export interface Violation {
  readonly fault: Fault;
  readonly detail: string;
}

/**
 * Checks a record against G1 (one order without gaps), G2 (acked acts are stored), G3 (stored once) and G4 (exact resume,
 * or a report of missing messages). Call it once every member has reached the end of the log, at `head`.
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

/** All members see the same message at an offset. Fills `ids` with the message id at each offset. */
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

/** A member sees every offset to the end, once and in order. A gap is allowed only if the server reported it. */
function continuity(name: string, seen: readonly Observation[], head: number): Violation[] {
  const found: Violation[] = [];
  let at: number | undefined;
  for (const observation of seen) {
    if (observation.what === "joined") {
      if (at !== undefined && observation.isRecovered && observation.offset !== at) {
        found.push(fault("gap", `${name} was at ${at} and moved to ${observation.offset} without a report`));
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
  if (at !== undefined && at < head)
    found.push(fault("lost", `${name} ended at ${at}, but the log ends at ${head}`));
  return found;
}

/** All acks of an act have the same offset, and the act is stored there. */
function answers(act: Act, ids: ReadonlyMap<number, string>): Violation[] {
  const [offset, ...others] = new Set(act.ackedAt);
  if (offset === undefined) return [];
  if (others.length > 0)
    return [fault("acked twice differently", `${act.id} at ${[offset, ...others].join(" and ")}`)];
  const there = ids.get(offset);
  // An offset that no member saw is older than all members.
  if (there === undefined || there === act.id) return [];
  return [fault("lost", `${act.id} was acked at ${offset}, where ${there} is stored`)];
}

/** Every message that is seen was sent by a member, is stored at one offset only, and was not rejected. */
function origins(record: Record, ids: ReadonlyMap<number, string>): Violation[] {
  const acts = new Map(record.acts.map((act) => [act.id, act]));
  const offsets = new Map<string, number>();
  const found: Violation[] = [];
  for (const [offset, id] of ids) {
    const twin = offsets.get(id);
    if (twin !== undefined) found.push(fault("doubled", `${id} is stored at ${twin} and at ${offset}`));
    offsets.set(id, offset);
    const act = acts.get(id);
    if (act === undefined)
      found.push(fault("from nowhere", `${id} was seen at ${offset}, but no member sent it`));
    else if (act.isRefused) found.push(fault("from nowhere", `${id} was rejected, but seen at ${offset}`));
  }
  return found;
}

function fault(name: Fault, detail: string): Violation {
  return { fault: name, detail };
}
