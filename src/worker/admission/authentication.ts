import { accessTo, excessOf } from "../../auth/claims.ts";
import type { Revocations } from "../../auth/revocations.ts";
import type { Tickets } from "../../auth/tickets.ts";
import { UNKNOWN_KEY_RETRY_MS, type TokenVerifier } from "../../auth/verifier.ts";
import { Rights, refusalWithout } from "../../protocol/capabilities.ts";
import type { Access, TicketUse } from "../../protocol/contract.ts";
import { deriveTicketKey } from "../../protocol/ids.ts";
import { err, ok, type Result } from "../../protocol/result.ts";
import type { RoomReference } from "./room-reference.ts";

/** Who a request is from, and what it may do in the room it is for. */
export interface Principal {
  /** The verified user, "" for an anonymous one. */
  readonly user: string;
  readonly access: Access;
  /** The ticket it came with, and the key for who has none of its own. */
  readonly ticket?: TicketUse & { readonly key: string };
}

/** The credentials of a request, as the client sent them. */
export interface Credentials {
  readonly token: string | undefined;
  /** Taken where there is no token. */
  readonly ticket: string | undefined;
}

/** What checks credentials. */
export interface TokenChecks {
  readonly verifier: TokenVerifier;
  readonly revocations: Revocations;
  readonly tickets: Tickets;
}

/** Lets requests to a room pass: with a token or a ticket that allows it, or without one where the kind does. */
export class Authenticator {
  readonly #tokenChecks: TokenChecks;

  constructor(tokenChecks: TokenChecks) {
    this.#tokenChecks = tokenChecks;
  }

  async authenticate(reference: RoomReference, credentials: Credentials): Promise<Result<Principal>> {
    const { anonymous } = reference.kind;
    if (credentials.token === undefined && credentials.ticket === undefined) {
      if (anonymous === undefined) return err({ code: "token_missing" });
      return ok({ user: "", access: { grants: anonymous } });
    }
    const principal = await this.#read(reference, credentials);
    if (!principal.ok) return principal;
    const { user, access } = principal.value;
    if (access.grants.length === 0)
      return err({
        code: "forbidden",
        message:
          "the token grants nothing in this room; its rooms must have a pattern that matches the room name",
      });
    // Whoever may not be in a room may not read it or act in it either.
    const refusal =
      refusalWithout("join", new Rights(access.grants)) ??
      (await this.#tokenChecks.revocations.refusal(user, access));
    return refusal === undefined ? principal : err(refusal);
  }

  async #read({ room }: RoomReference, { token, ticket = "" }: Credentials): Promise<Result<Principal>> {
    const { verifier, tickets } = this.#tokenChecks;
    if (token === undefined) {
      const read = await tickets.read(room, ticket);
      if (!read.ok) return read;
      const { user, access, use } = read.value;
      const excess = excessOf(access);
      if (excess !== undefined) return err(excess);
      return ok({ user, access, ticket: { ...use, key: await deriveTicketKey(ticket) } });
    }
    if (!verifier.hasKeys) {
      const message =
        "this server has no key to verify tokens; set TOKEN_SECRETS, TOKEN_KEYS or TOKEN_JWKS_URL";
      return err({ code: "token_invalid", message, retryAfterMs: UNKNOWN_KEY_RETRY_MS });
    }
    const claims = await verifier.verify(token);
    if (!claims.ok) return claims;
    const access = accessTo(room, claims.value);
    return access.ok ? ok({ user: claims.value.user, access: access.value }) : access;
  }
}

/** Whether the token of a request is in its URL, which an EventSource repeats as it is. */
export function hasTokenInUrl(request: Request): boolean {
  return !request.headers.has("Authorization") && new URL(request.url).searchParams.has("token");
}

/** Finds the credentials of a request: a token in its subprotocols, in `Authorization` or in its query, a ticket in its query. */
export function credentialsOf(
  request: Request,
  offered: string | undefined,
  query: URLSearchParams,
): Credentials {
  const header = /^Bearer +(\S+)$/i.exec(request.headers.get("Authorization") ?? "")?.[1];
  return {
    token: offered ?? header ?? query.get("token") ?? undefined,
    ticket: query.get("ticket") ?? undefined,
  };
}
