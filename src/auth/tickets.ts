import { SignJWT, errors, jwtVerify } from "jose";
import { expiresInMs, type Access, type TicketUse } from "../protocol/contract.ts";
import { randomKey } from "../protocol/ids.ts";
import { err, ok, type Result } from "../protocol/result.ts";
import { UNKNOWN_KEY_RETRY_MS } from "./verifier.ts";

/** A ticket, as returned to the client. */
export interface Ticket {
  readonly ticket: string;
  /** The time for its first use, in milliseconds. */
  readonly useWithinMs: number;
  /** How long it is valid once used, in milliseconds: as long as the token that it was issued for. */
  readonly expiresInMs: number;
}

/** The holder of a ticket, and what it may do. */
export interface TicketHolder {
  readonly user: string;
  readonly access: Access;
  readonly use: TicketUse;
}

/** The `typ` of tickets. It distinguishes them from tokens, like their key. */
const TYPE = "parlor-ticket";

/**
 * Tickets replace tokens in URLs, which an EventSource needs. A ticket is valid in one room, for the session that uses it
 * first. The room remembers that session. Tickets are signed, so that a forged one does not reach a room.
 */
export class Tickets {
  readonly #keys: readonly Uint8Array[];
  readonly #useMs: number;

  /**
   * @param secrets the secrets of tokens. The key of a ticket is derived from one, so a ticket never passes as a token
   * @param useMs the time for the first use of a ticket, in milliseconds
   */
  constructor(secrets: readonly string[], useMs: number) {
    this.#keys = secrets.map((secret) => new TextEncoder().encode(`${TYPE}\n${secret}`));
    this.#useMs = useMs;
  }

  /** Issues a ticket for the holder of a token. */
  async issue(room: string, user: string, access: Access, now: number): Promise<Result<Ticket>> {
    const [key] = this.#keys;
    const { expiresAt } = access;
    if (key === undefined || expiresAt === undefined) {
      return err({
        code: "not_found",
        message: "this server issues no tickets, because TOKEN_SECRETS is not set",
      });
    }
    const ticket = await new SignJWT({ access, useBy: now + this.#useMs })
      .setProtectedHeader({ alg: "HS256", typ: TYPE })
      .setSubject(user)
      .setAudience(room)
      .setJti(randomKey())
      .setExpirationTime(Math.floor(expiresAt / 1000))
      .sign(key);
    return ok({ ticket, useWithinMs: this.#useMs, expiresInMs: expiresInMs(access, now) ?? 0 });
  }

  /** Verifies a ticket for a room. The room checks which session it belongs to. */
  async read(room: string, ticket: string): Promise<Result<TicketHolder>> {
    for (const key of this.#keys) {
      try {
        const { payload } = await jwtVerify(ticket, key, {
          algorithms: ["HS256"],
          typ: TYPE,
          audience: room,
        });
        const { sub, jti, access, useBy } = payload;
        // Not checked: this server issued the ticket.
        const use = { id: jti as string, useBy: useBy as number };
        return ok({ user: sub as string, access: access as Access, use });
      } catch (error) {
        if (error instanceof errors.JWTExpired) return err({ code: "ticket_expired" });
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) {
          return err({
            code: "token_invalid",
            message: "the ticket is malformed or for another room; request another one",
          });
        }
      }
    }
    // Another version of this server may have signed it with a secret that this one does not have yet.
    const message = "the ticket was not signed with a secret of this server";
    return err({ code: "token_invalid", message, retryAfterMs: UNKNOWN_KEY_RETRY_MS });
  }
}
