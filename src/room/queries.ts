import type { HistoryRange, MembersRange, RoomInfo } from "./api.ts";
import { charsOf, pageFields, PARSE_PRICE } from "./log/history-pages.ts";
import type { Assembly } from "./assemble.ts";
import type { QueryResult } from "./acts/metered-queries.ts";

/** Sorting a member into the list takes as long as scanning this many characters. */
const MEMBER_CHARS = 128;

/** What every client that may join a room may know about it. */
export function infoOf({ members, log, joins }: Assembly, awakeSince: number): RoomInfo {
  const { isNew } = joins;
  return { members: members.size, position: log.position ?? null, awakeSince, isNew };
}

/** Answers a query for stored messages (rule H5). */
export function queryHistory({ log }: Assembly, range: HistoryRange, now: number): QueryResult {
  const page = log.history(range, now);
  const text = `{${pageFields(page)},"position":${JSON.stringify(log.position ?? null)}}`;
  return { text, cost: page.cost + charsOf(page) };
}

/** Answers a query for the members (rule H6). */
export function queryMembers({ members, roster }: Assembly, range: MembersRange): QueryResult {
  const text = JSON.stringify({ ...members.page(range), count: members.size, roster: roster.revision });
  return { text, cost: MEMBER_CHARS * members.size + PARSE_PRICE * text.length };
}

/** Answers a query for the shared state (rule H7). */
export function queryState({ state, log }: Assembly): QueryResult {
  const position = JSON.stringify(log.position ?? null);
  const text = `{"state":${state.snapshot},"stateOffset":${log.head},"position":${position}}`;
  return { text, cost: text.length };
}
