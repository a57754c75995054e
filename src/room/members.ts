import type { MemberEntry } from "../protocol/frames.ts";
import type { Json } from "../protocol/json.ts";
import type { SessionRecord } from "./attachment.ts";
import { hasTables } from "./schema.ts";
import type { Sessions } from "./sessions.ts";

/** Who is in the room: a connected member, or one whose connection was lost and who may come back unnoticed. */
export interface Member {
  readonly id: string;
  readonly session: string;
  readonly user: string;
  /** Presence data as JSON text. */
  readonly data: string | undefined;
  /** When a lost member departs, Unix milliseconds; absent while it is connected. */
  readonly graceUntil: number | undefined;
}

/** A member that has connected, and what the others should hear of it. */
export interface Arrived {
  readonly member: Member;
  /** Absent for a member that came back before it was missed. */
  readonly news: "joined" | "updated" | undefined;
}

/**
 * The members of the room, each a row from its join to its departure, so that a crash, which drops every connection
 * without a word, is a blip to them like any other.
 */
export class Members {
  readonly #storage: DurableObjectStorage;
  readonly #sessions: Sessions;
  readonly #graceMs: number;
  readonly #byId = new Map<string, Member>();
  #isLoaded = false;

  constructor(storage: DurableObjectStorage, sessions: Sessions, graceMs: number) {
    this.#storage = storage;
    this.#sessions = sessions;
    this.#graceMs = graceMs;
  }

  /**
   * Reads the rows, once per life of the object; returns whether this was that time. The grace of a member without a
   * connection begins now: nobody was there to see it lost.
   */
  load(now: number): boolean {
    if (this.#isLoaded) return false;
    this.#isLoaded = true;
    if (!hasTables(this.#storage.sql)) return true;
    const rows = this.#storage.sql.exec<MemberRow>("SELECT id, session, user, data, graceUntil FROM member");
    for (const row of rows.toArray()) {
      const member: Member = { ...row, data: row.data ?? undefined, graceUntil: row.graceUntil ?? undefined };
      this.#byId.set(row.id, member);
      const isLost = this.#sessions.byId(row.session) === undefined;
      if (isLost && member.graceUntil === undefined)
        this.#put({ ...member, graceUntil: now + this.#graceMs });
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

  /** Takes in who has connected, with its presence data, and tells what the others should hear of it. */
  arrive({ member: id, session, user }: SessionRecord, data: string | undefined): Arrived {
    const before = this.#byId.get(id);
    if (before !== undefined && before.graceUntil === undefined && before.data === data) {
      return { member: before, news: undefined };
    }
    const member = this.#put({ id, session, user, data, graceUntil: undefined });
    if (before === undefined) return { member, news: "joined" };
    return { member, news: before.data === data ? undefined : "updated" };
  }

  /** Replaces what a member says of itself, JSON text. */
  setData(member: Member, data: string): Member {
    return this.#put({ ...member, data });
  }

  /** Notes a lost connection. Returns when the member's grace ends; `undefined` if it has none. */
  lose(id: string, now: number): number | undefined {
    const member = this.#byId.get(id);
    if (member === undefined || this.#graceMs === 0) return undefined;
    return this.#put({ ...member, graceUntil: now + this.#graceMs }).graceUntil;
  }

  /** Ends a membership. Returns whether there was one. */
  depart(id: string): boolean {
    if (!this.#byId.delete(id)) return false;
    this.#storage.sql.exec("DELETE FROM member WHERE id = ?", id);
    return true;
  }

  /** Whose grace is over. */
  overdue(now: number): readonly Member[] {
    return [...this.all()].filter(({ graceUntil }) => graceUntil !== undefined && graceUntil <= now);
  }

  /** When the first grace is over; `undefined` when everyone is connected. */
  nextDeparture(): number | undefined {
    let next: number | undefined;
    for (const { graceUntil } of this.all()) {
      if (graceUntil !== undefined && (next === undefined || graceUntil < next)) next = graceUntil;
    }
    return next;
  }

  #put(member: Member): Member {
    const { id, session, user, data, graceUntil } = member;
    this.#storage.sql.exec(
      "INSERT OR REPLACE INTO member (id, session, user, data, graceUntil) VALUES (?, ?, ?, ?, ?)",
      ...[id, session, user, data ?? null, graceUntil ?? null],
    );
    this.#byId.set(id, member);
    return member;
  }
}

/** A row of the table. */
interface MemberRow extends Record<string, SqlStorageValue> {
  readonly id: string;
  readonly session: string;
  readonly user: string;
  readonly data: string | null;
  readonly graceUntil: number | null;
}

/** A member as others see it. */
export function memberEntry({ id, user, data }: Member): MemberEntry {
  return {
    id,
    ...(user !== "" && { user }),
    ...(data !== undefined && { data: JSON.parse(data) as Json }),
  };
}
