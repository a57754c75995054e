import type { JoinRequest } from "../../protocol/contract.ts";
import type { WireError } from "../../protocol/errors.ts";
import type { Tables } from "../tables.ts";

/** How long a ticket without an expiry time is remembered, in milliseconds: a day. */
const KEPT_MS = 86_400_000;

/** The minimum time between deletions of expired tickets, in milliseconds. A deletion reads all of them. */
const TIDY_EVERY_MS = 60_000;

/**
 * Stores which session used each ticket first. They are rows, because a session reconnects with its ticket, even after
 * a crash.
 */
export class UsedTickets {
  readonly #tables: Tables;
  #tidiedAt = -Infinity;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Returns the error if a join cannot use its ticket. */
  refusal({ ticket, session }: JoinRequest, now: number): WireError | undefined {
    if (ticket === undefined) return undefined;
    const holder = this.#holderOf(ticket.id);
    if (holder !== undefined) return holder === session ? undefined : { code: "ticket_used" };
    if (now <= ticket.useBy) return undefined;
    return { code: "ticket_expired", message: "the ticket was not used in time; request another one" };
  }

  /** Binds the ticket of a join to its session. */
  bind({ ticket, session, access }: JoinRequest, now: number): void {
    if (ticket === undefined || this.#holderOf(ticket.id) !== undefined) return;
    this.#tables.create();
    const { sql } = this.#tables;
    if (Math.abs(now - this.#tidiedAt) >= TIDY_EVERY_MS) {
      sql.exec("DELETE FROM ticket WHERE until <= ?", now);
      this.#tidiedAt = now;
    }
    sql.exec("INSERT INTO ticket VALUES (?, ?, ?)", ticket.id, session, access?.expiresAt ?? now + KEPT_MS);
  }

  #holderOf(id: string): string | undefined {
    if (!this.#tables.exist) return undefined;
    const rows = this.#tables.sql.exec<{ session: string }>("SELECT session FROM ticket WHERE id = ?", id);
    return rows.toArray()[0]?.session;
  }
}
