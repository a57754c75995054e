import type { HistoryRange, MembersRange, RoomInfo } from "./api.ts";
import type { Parts } from "./parts.ts";

/** What of a room anyone who may join it may know. */
export function infoOf({ members, log }: Parts, awakeSince: number): RoomInfo {
  return { members: members.size, position: log.position ?? null, awakeSince };
}

/** Stored messages, as rule H5 has them: JSON text. */
export function historyText({ log }: Parts, range: HistoryRange, now: number): string {
  return JSON.stringify({ ...log.history(range, now), position: log.position ?? null });
}

/** Who is here, as rule H6 has it: JSON text. */
export function membersText({ members, roster }: Parts, range: MembersRange): string {
  return JSON.stringify({ ...members.page(range), count: members.size, roster: roster.revision });
}

/** The shared state, as rule H7 has it: JSON text. */
export function stateText({ state, log }: Parts): string {
  const position = JSON.stringify(log.position ?? null);
  return `{"state":${state.snapshot},"stateOffset":${log.head},"position":${position}}`;
}
