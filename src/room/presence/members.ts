import type { Kind } from "../../config/config.ts";
import { endsAt } from "../../limits/durations.ts";
import type { MemberEntry } from "../../protocol/frames.ts";
import type { Json } from "../../protocol/json.ts";
import type { MembersRange } from "../api.ts";
import type { SessionRecord } from "../connections/attachment.ts";
import type { Sessions } from "../connections/sessions.ts";
import type { Tables } from "../tables.ts";
import { Fingerprint } from "./fingerprint.ts";

/** A member of the room: it is connected, or its connection was lost and its grace period has not ended. */
export interface Member {
  readonly id: string;
  readonly session: string;
  readonly user: string;
  /** The source that an anonymous member counts against (capacity.ts); absent if its address is unknown. */
  readonly source: string | undefined;
  /** The `info` of its token, JSON text. */
  readonly info: string | undefined;
  /** Presence data as JSON text. */
  readonly data: string | undefined;
  /** When the grace period of a lost member ends, Unix milliseconds; absent while it is connected. */
  readonly graceUntil: number | undefined;
  /** Whether its newest connection is or was that of a poll. Its grace period is then `pollGraceMs`. */
  readonly polls: boolean;
  /** The offset at which its last poll began. Only in memory; absent while the poll waits. */
  readonly polledFrom?: number | undefined;
  /** The attempt number of its newest connection; absent if older code accepted that connection. */
  readonly attempt: number | undefined;
}

/** A member that has connected, and what to announce to the others. */
export interface Arrived {
  readonly member: Member;
  /** Absent for a member that reconnected within its grace period with unchanged data. */
  readonly news: "joined" | "updated" | undefined;
}

/**
 * The members of the room. A member has a row until it leaves, so a crash of the object, which drops every connection,
 * looks like any other lost connection. In a room without grace and without storage members have no rows, except those that
 * poll. There a member is its connection, and its presence data is attached to that.
 *
 * A member that polls loses its connection with every poll, so the deadline for its next poll is only in memory at first. The
 * alarm stores the deadlines that it finds ({@link storeDeadlines}). After a load of the object the others begin again.
 */
export class Members {
  readonly #tables: Tables;
  readonly #sessions: Sessions;
  readonly #graceMs: number;
  readonly #pollGraceMs: number;
  readonly #hasRows: boolean;
  readonly #byId = new Map<string, Member>();
  /** The members between two polls whose deadlines are only in memory. */
  readonly #unstored = new Set<string>();
  readonly #fingerprint = new Fingerprint();
  #isLoaded = false;
  #listText: string | undefined;

  constructor(tables: Tables, sessions: Sessions, kind: Pick<Kind, "graceMs" | "pollGraceMs" | "history">) {
    this.#tables = tables;
    this.#sessions = sessions;
    this.#graceMs = kind.graceMs;
    this.#pollGraceMs = kind.pollGraceMs;
    this.#hasRows = kind.graceMs > 0 || kind.history === "durable";
  }

  /**
   * Reads the rows, once per life of the object. Returns true the first time. The grace of a member without a
   * connection begins now, because no running object noticed the loss.
   */
  load(now: number): boolean {
    if (this.#isLoaded) return false;
    this.#isLoaded = true;
    if (!this.#hasRows) {
      for (const { record } of this.#sessions.all()) if (record.viewOnly !== true) this.#adopt(record);
    }
    if (!this.#tables.exist) return true;
    const rows = this.#tables.sql.exec<MemberRow>(
      "SELECT id, session, user, source, info, data, graceUntil, attempt FROM member",
    );
    for (const row of rows.toArray()) {
      const stored = memberOf(row);
      const connection = this.#sessions.byId(stored.session)?.record;
      // Rows of older code have no source. A reconnect that changes nothing else does not store the new attempt number.
      const member = {
        ...stored,
        source: stored.source ?? sourceOf(connection),
        attempt: connection?.attempt ?? stored.attempt,
      };
      this.#keep(member);
      if (connection === undefined && member.graceUntil === undefined) this.#begin(member, now);
    }
    return true;
  }

  get size(): number {
    return this.#byId.size;
  }

  all(): IterableIterator<Member> {
    return this.#byId.values();
  }

  byId(id: string): Member | undefined {
    return this.#byId.get(id);
  }

  /** Returns a page of members ordered by id, and whether more follow. */
  page({ after = "", limit }: MembersRange): { readonly members: MemberEntry[]; readonly more: boolean } {
    const rest = [...this.all()].filter(({ id }) => id > after).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    return { members: rest.slice(0, limit).map(memberEntry), more: rest.length > limit };
  }

  /** All members as JSON text for a list. It is encoded once for all readers. */
  get listText(): string {
    this.#listText ??= JSON.stringify(Array.from(this.all(), memberEntry));
    return this.#listText;
  }

  /** Adds or updates a member that has connected, and returns what to announce to the others. */
  arrive(record: SessionRecord, data: string | undefined): Arrived {
    const { member: id, session, user, access, attempt } = record;
    const before = this.#byId.get(id);
    const info = access?.info;
    const polls = record.polledFrom !== undefined;
    const isSame = before?.data === data && before?.info === info;
    // Without rows, the data must be attached to the new connection even if it is unchanged.
    const isStored = before !== undefined && before.polls === polls && this.#hasRow(before);
    const hasNoDeadline = before?.graceUntil === undefined || this.#unstored.has(id);
    if (isStored && hasNoDeadline && isSame) {
      // The row keeps the older number until it is written for another reason, because written rows are billed.
      const member = { ...before, attempt, graceUntil: undefined, polledFrom: undefined };
      this.#unstored.delete(id);
      this.#byId.set(id, member);
      return { member, news: undefined };
    }
    const source = sourceOf(record);
    const member = this.#put({
      id,
      session,
      user,
      source,
      info,
      data,
      graceUntil: undefined,
      polls,
      attempt,
    });
    // In a room without rows, a member that has stopped polling is its connection.
    if (before?.polls === true && !this.#hasRow(member)) this.#deleteRow(id);
    if (before === undefined) return { member, news: "joined" };
    return { member, news: isSame ? undefined : "updated" };
  }

  /** Replaces a member's presence data, JSON text. */
  setData(member: Member, data: string): Member {
    return this.#put({ ...member, data });
  }

  /**
   * Restores a member whose connection was closing when the object woke. Where members have no rows, nothing else
   * records that member, and the others have not been notified yet that it left.
   */
  recall(record: SessionRecord): void {
    if (!this.#hasRows && record.viewOnly !== true && !this.#byId.has(record.member)) this.#adopt(record);
  }

  /** Stores the `info` of a renewed token. Returns the changed member, or `undefined` if nothing changed. */
  inform(member: Member, info: string | undefined): Member | undefined {
    return member.info === info ? undefined : this.#put({ ...member, info });
  }

  /** Records a lost connection. Returns when the member's grace ends; `undefined` if it has none. */
  lose({ member: id, attempt, polledFrom }: SessionRecord, now: number): number | undefined {
    const member = this.#byId.get(id);
    if (member === undefined || this.#graceOf(member) === 0) return undefined;
    return this.#begin({ ...member, attempt: attempt ?? member.attempt, polledFrom }, now).graceUntil;
  }

  /** Stores the deadlines of members between two polls that are only in memory. */
  storeDeadlines(): void {
    for (const id of [...this.#unstored]) {
      const member = this.#byId.get(id);
      if (member !== undefined) this.#put(member);
    }
  }

  /** Ends a membership. Returns whether it existed. */
  depart(id: string): boolean {
    const member = this.#byId.get(id);
    if (member === undefined) return false;
    this.#byId.delete(id);
    this.#unstored.delete(id);
    this.#fingerprint.remove(member);
    if (member.attempt !== undefined) this.#sessions.endedAttempts.remember(member.session, member.attempt);
    this.#listText = undefined;
    if (this.#hasRow(member)) this.#deleteRow(id);
    return true;
  }

  /** Restarts graces that end too late because the clock was set back. Returns whether it found any. */
  restart(now: number): boolean {
    let hasFound = false;
    for (const member of this.all()) {
      const { id, graceUntil } = member;
      const until = graceUntil && endsAt(graceUntil, this.#graceOf(member), now);
      if (until === graceUntil) continue;
      if (this.#unstored.has(id)) this.#byId.set(id, { ...member, graceUntil: until });
      else this.#put({ ...member, graceUntil: until });
      hasFound = true;
    }
    return hasFound;
  }

  /** The members whose grace has ended. */
  overdue(now: number): readonly Member[] {
    return [...this.all()].filter(({ graceUntil }) => graceUntil !== undefined && graceUntil <= now);
  }

  /** When the first grace ends; `undefined` if every member is connected. */
  nextDeparture(): number | undefined {
    let next: number | undefined;
    for (const { graceUntil } of this.all()) {
      if (graceUntil !== undefined && (next === undefined || graceUntil < next)) next = graceUntil;
    }
    return next;
  }

  /** A name of the list of members and their data. Equal lists have equal names, also after the object was loaded again. */
  get fingerprint(): string {
    return this.#fingerprint.text;
  }

  /** Begins the grace of a member that has lost its connection. */
  #begin(member: Member, now: number): Member {
    const lost = { ...member, graceUntil: now + this.#graceOf(member) };
    if (!member.polls) return this.#put(lost);
    this.#unstored.add(member.id);
    this.#byId.set(member.id, lost);
    return lost;
  }

  #graceOf({ polls }: Member): number {
    return polls ? this.#pollGraceMs : this.#graceMs;
  }

  #hasRow({ polls }: Member): boolean {
    return this.#hasRows || polls;
  }

  #deleteRow(id: string): void {
    this.#tables.sql.exec("DELETE FROM member WHERE id = ?", id);
  }

  /** Replaces the entry of a member in memory. */
  #keep(member: Member): void {
    const before = this.#byId.get(member.id);
    if (before !== undefined) this.#fingerprint.remove(before);
    this.#fingerprint.add(member);
    this.#byId.set(member.id, member);
    this.#listText = undefined;
  }

  #put(member: Member): Member {
    const { id, session, user, source, info, data, polls, graceUntil, attempt } = member;
    this.#unstored.delete(id);
    if (this.#hasRow(member)) {
      this.#tables.create();
      this.#tables.sql.exec(
        "INSERT OR REPLACE INTO member (id, session, user, source, info, data, graceUntil, attempt) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        ...[id, session, user, source ?? null, info ?? null, data ?? null],
        ...[polls ? (graceUntil === undefined ? POLLS : -graceUntil) : (graceUntil ?? null), attempt ?? null],
      );
    } else {
      const connection = this.#sessions.byId(session);
      if (connection !== undefined) this.#sessions.update(connection, { data });
    }
    this.#keep(member);
    return member;
  }

  #adopt(record: SessionRecord): void {
    if (record.polledFrom !== undefined) return; // It has a row.
    const { member: id, session, user, data, access, attempt } = record;
    const source = sourceOf(record);
    this.#keep({
      id,
      session,
      user,
      source,
      info: access?.info,
      data,
      graceUntil: undefined,
      polls: false,
      attempt,
    });
  }
}

/** The source that a connection's member counts against. A verified user counts by its user id instead. */
function sourceOf(record: SessionRecord | undefined): string | undefined {
  return record === undefined || record.user !== "" ? undefined : (record.place ?? record.source);
}

function memberOf({ id, session, user, source, info, data, graceUntil, attempt }: MemberRow): Member {
  return {
    id,
    session,
    user,
    source: source ?? undefined,
    info: info ?? undefined,
    data: data ?? undefined,
    polls: graceUntil !== null && graceUntil <= POLLS,
    graceUntil: Math.abs(graceUntil ?? 0) || undefined,
    attempt: attempt ?? undefined,
  };
}

/**
 * The `graceUntil` in the row of a member that polls and has no stored deadline. A stored deadline is negative. Older code, which
 * serves no polls, ends such a membership when it loads the room.
 */
const POLLS = 0;

/** A row of the table. */
interface MemberRow extends Record<string, SqlStorageValue> {
  readonly id: string;
  readonly session: string;
  readonly user: string;
  readonly source: string | null;
  readonly info: string | null;
  readonly data: string | null;
  readonly graceUntil: number | null;
  readonly attempt: number | null;
}

/** A member as others see it. */
export function memberEntry({ id, user, info, data }: Member): MemberEntry {
  return {
    id,
    ...(user !== "" && { user }),
    ...(info !== undefined && { info: JSON.parse(info) as Json }),
    ...(data !== undefined && { data: JSON.parse(data) as Json }),
  };
}
