import { accessTo, excessOf } from "../../auth/claims.ts";
import type { Revocations } from "../../auth/revocations.ts";
import type { Tickets } from "../../auth/tickets.ts";
import { UNKNOWN_KEY_RETRY_MS, type TokenVerifier } from "../../auth/verifier.ts";
import { Rights, refusalWithout } from "../../protocol/capabilities.ts";
import type { Access, TicketUse } from "../../protocol/contract.ts";
import { deriveTicketKey } from "../../protocol/ids.ts";
import { err, ok, type Result } from "../../protocol/result.ts";
import type { RoomReference } from "./room-reference.ts";

/** The verified sender of a request, and its rights in the room of the request. */
export interface Principal {
  /** The verified user, or "" for an anonymous client. */
  readonly user: string;
  readonly access: Access;
  /** The ticket of the request, and the session key that it provides if the client sends none. */
  readonly ticket?: TicketUse & { readonly key: string };
}

/** The credentials of a request, as the client sent them. */
export interface Credentials {
  readonly token: string | undefined;
  /** Used if there is no token. */
  readonly ticket: string | undefined;
}

/** The collaborators that check credentials. */
export interface TokenChecks {
  readonly verifier: TokenVerifier;
  readonly revocations: Revocations;
  readonly tickets: Tickets;
}

/** Authenticates requests to a room by token or ticket, or without one if the kind allows anonymous access. */
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
    // A client that is not allowed to join a room can neither read it nor act in it.
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

/** Whether the token of a request is in its URL, which an EventSource repeats unchanged. */
export function hasTokenInUrl(request: Request): boolean {
  return !request.headers.has("Authorization") && new URL(request.url).searchParams.has("token");
}

/** Finds the token in the subprotocols, in `Authorization` or in the query, and the ticket in the query. */
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
