import type { Kind } from "../../config/config.ts";
import type { JoinRequest } from "../../protocol/contract.ts";
import type { WireError } from "../../protocol/errors.ts";
import type { SessionRecord } from "../connections/attachment.ts";
import type { Members } from "../presence/members.ts";
import type { Sessions } from "../connections/sessions.ts";

/** How long a client waits before it retries to join a full room, in milliseconds. */
export const FULL_RETRY_MS = 5_000;

/** The fields that say against which source a member or a view-only connection counts. */
type Holder = Pick<SessionRecord, "user" | "source" | "place">;

/**
 * The places of a room. Each member takes one until its membership ends, so also during its grace. Each view-only
 * connection takes one. A session that has a place may always reconnect.
 *
 * A place counts against the source that joined first until it is free again. So sessions that move to another address
 * do not free places for more sessions from the first address.
 */
export class Capacity {
  readonly #limits: Pick<Kind, "maxMembers" | "maxMembersPerSource">;
  readonly #members: Members;
  readonly #sessions: Sessions;

  constructor(
    limits: Pick<Kind, "maxMembers" | "maxMembersPerSource">,
    room: { readonly members: Members; readonly sessions: Sessions },
  ) {
    this.#limits = limits;
    this.#members = room.members;
    this.#sessions = room.sessions;
  }

  /** Returns the error if the room has no place for a join. */
  refusal(join: JoinRequest): WireError | undefined {
    if (this.isIn(join)) return undefined;
    const { maxMembers, maxMembersPerSource } = this.#limits;
    const taken = this.#members.size + this.#sessions.watching;
    if (taken >= maxMembers) {
      const message = `the room has ${taken} members, the limit is ${maxMembers}; retry later`;
      return { code: "room_full", message, limit: "maxMembers", retryAfterMs: FULL_RETRY_MS };
    }
    if (taken < maxMembersPerSource || this.#countOf(join) < maxMembersPerSource) return undefined;
    const who = join.user === "" ? "this address" : "this user";
    const message = `${who} has ${maxMembersPerSource} members in the room, the limit is ${maxMembersPerSource}; retry when one has left`;
    return { code: "room_full", message, limit: "maxMembersPerSource", retryAfterMs: FULL_RETRY_MS };
  }

  /** The source that a session's place counts against; `undefined` if the session has no place yet. */
  holderOf({ session, member }: Pick<JoinRequest, "session" | "member">): string | undefined {
    const record = this.#sessions.byId(session)?.record;
    return this.#members.byId(member)?.source ?? record?.place ?? record?.source;
  }

  /** Whether a session has a place. */
  isIn({ session, member }: JoinRequest): boolean {
    return this.#members.byId(member) !== undefined || this.#sessions.byId(session) !== undefined;
  }

  /**
   * The number of places that the source has taken. It visits all members, so it is called only in rooms with many
   * members.
   */
  #countOf({ user, source }: JoinRequest): number {
    if (user === "" && source === undefined) return 0; // The runtime does not provide an address.
    const isOfSource = (holder: Holder): boolean =>
      holder.user === user && (user !== "" || (holder.place ?? holder.source) === source);
    let count = 0;
    for (const member of this.#members.all()) if (isOfSource(member)) count++;
    for (const { record } of this.#sessions.watchers()) if (isOfSource(record)) count++;
    return count;
  }
}
