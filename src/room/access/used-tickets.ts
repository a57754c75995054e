import type { JoinRequest } from "../../protocol/contract.ts";
import type { WireError } from "../../protocol/errors.ts";
import type { Tables } from "../tables.ts";

/** How long a ticket is remembered that does not say until when it is good, in milliseconds: a day. */
const KEPT_MS = 86_400_000;

/** Those that are over are looked for so often at the most, in milliseconds: all of them are read for it. */
const TIDY_EVERY_MS = 60_000;

/** Whose each ticket is: the session's that used it first. Rows, for it comes back with it after any crash. */
export class UsedTickets {
  readonly #tables: Tables;
  #tidiedAt = -Infinity;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Whether a join may come with the ticket it has. */
  refusal({ ticket, session }: JoinRequest, now: number): WireError | undefined {
    if (ticket === undefined) return undefined;
    const holder = this.#holderOf(ticket.id);
    if (holder !== undefined) return holder === session ? undefined : { code: "ticket_used" };
    if (now <= ticket.useBy) return undefined;
    return { code: "ticket_expired", message: "the ticket was not used in time; request another one" };
  }

  /** Makes the ticket of a join its session's. */
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
