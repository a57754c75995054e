import { SignJWT, errors, jwtVerify } from "jose";
import { expiresInMs, type Access, type TicketUse } from "../protocol/contract.ts";
import { randomKey } from "../protocol/ids.ts";
import { err, ok, type Result } from "../protocol/result.ts";
import { UNKNOWN_KEY_RETRY_MS } from "./verifier.ts";

/** A ticket, as its holder is told of it. */
export interface Ticket {
  readonly ticket: string;
  /** How soon it must be used for the first time. */
  readonly useWithinMs: number;
  /** How long it is good for after that: as long as the token it was had for. */
  readonly expiresInMs: number;
}

/** Who comes with a ticket, and what it may do. */
export interface TicketHolder {
  readonly user: string;
  readonly access: Access;
  readonly use: TicketUse;
}

/** What keeps a ticket from being taken for a token, beside its key. */
const TYPE = "parlor-ticket";

/**
 * Tickets stand for a token where a secret must travel in a URL, as an EventSource's does: each is good in one room, for
 * the session that uses it first, which the room remembers. They are signed, so that a forged one touches no room.
 */
export class Tickets {
  readonly #keys: readonly Uint8Array[];
  readonly #useMs: number;

  /**
   * @param secrets those of tokens; a ticket's key is made of one, so that neither is ever taken for the other
   * @param useMs how soon a ticket must be used
   */
  constructor(secrets: readonly string[], useMs: number) {
    this.#keys = secrets.map((secret) => new TextEncoder().encode(`${TYPE}\n${secret}`));
    this.#useMs = useMs;
  }

  /** Writes a ticket for who has shown a token. */
  async issue(room: string, user: string, access: Access, now: number): Promise<Result<Ticket>> {
    const [key] = this.#keys;
    const { expiresAt } = access;
    if (key === undefined || expiresAt === undefined) {
      return err({ code: "not_found", message: "this server has no TOKEN_SECRETS to sign a ticket with" });
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

  /** Reads a ticket that somebody brought to a room. Whose session it is, the room knows. */
  async read(room: string, ticket: string): Promise<Result<TicketHolder>> {
    for (const key of this.#keys) {
      try {
        const { payload } = await jwtVerify(ticket, key, {
          algorithms: ["HS256"],
          typ: TYPE,
          audience: room,
        });
        const { sub, jti, access, useBy } = payload;
        // This server wrote it.
        const use = { id: jti as string, useBy: useBy as number };
        return ok({ user: sub as string, access: access as Access, use });
      } catch (error) {
        if (error instanceof errors.JWTExpired) return err({ code: "ticket_expired" });
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) {
          return err({ code: "token_invalid", message: "the ticket is malformed or for another room" });
        }
      }
    }
    // Another version of this server may have signed it, with a secret that is not here yet.
    const message = "the ticket was not signed with a secret of this server";
    return err({ code: "token_invalid", message, retryAfterMs: UNKNOWN_KEY_RETRY_MS });
  }
}
