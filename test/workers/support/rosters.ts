import type { MemberEntry, PresenceFrame, ServerFrame, WelcomeFrame } from "../../../src/protocol/frames.ts";
import type { Json } from "../../../src/protocol/json.ts";
import type { Member } from "../../support/member.ts";

/** The presence frames that a member has received. */
export function presenceOf({ inbox }: Pick<Member, "inbox">): PresenceFrame[] {
  return inbox.all.filter((frame) => frame.type === "presence");
}

/** The roster revision that a client knows, from the last frame that contained one. */
export function rosterOf({ inbox }: Pick<Member, "inbox">): string {
  return inbox.all.findLast((frame) => frame.type === "welcome" || frame.type === "presence")?.roster ?? "";
}

/** What a client knows of the members: their ids and data, or only their number. */
export interface Known {
  /** `undefined` while it receives only the count. */
  readonly list: ReadonlyMap<string, Json | undefined> | undefined;
  readonly count: number;
}

/**
 * The members as a client tracks them by the rules M1, M5 and M6, from all frames of its connections.
 *
 * @param known what it knew before: a welcome without `members` keeps the list
 */
export function follow(frames: readonly ServerFrame[], known?: Known): Known {
  let list = known?.list === undefined ? undefined : new Map(known.list);
  let count = known?.count ?? 0;
  for (const frame of frames) {
    if (frame.type !== "welcome" && frame.type !== "presence") continue;
    count = frame.count;
    if (frame.members !== undefined) list = mapOf(frame.members);
    else if (frame.mode === "count") list = undefined;
    if (frame.type === "welcome" || list === undefined) continue;
    for (const [id, data] of mapOf([...(frame.joined ?? []), ...(frame.updated ?? [])])) list.set(id, data);
    for (const { id } of frame.left ?? []) list.delete(id);
  }
  return { list, count };
}

/** Ids and data of members, in any order. */
export function mapOf(members: WelcomeFrame["members"] & {}): Map<string, Json | undefined> {
  return new Map(members.map(({ id, data }: MemberEntry) => [id, data]));
}
