import { accessTo } from "../auth/claims.ts";
import type { TokenVerifier } from "../auth/verifier.ts";
import type { Access } from "../protocol/contract.ts";
import { err, ok, type Result } from "../protocol/result.ts";
import type { Place } from "./admission.ts";

/** Who a request is from, and what it may do in the room it is for. */
export interface Visitor {
  /** The verified user, "" for an anonymous one. */
  readonly user: string;
  readonly access: Access;
}

/** Lets requests to a room pass: with a token that allows it, or without one where the kind does. */
export class Gate {
  readonly #verifier: TokenVerifier;

  constructor(verifier: TokenVerifier) {
    this.#verifier = verifier;
  }

  /** @param token as the client sent it; `undefined` for none */
  async pass(place: Place, token: string | undefined): Promise<Result<Visitor>> {
    const { anonymous } = place.kind;
    if (token === undefined) {
      if (anonymous === undefined) return err({ code: "token_missing" });
      return ok({ user: "", access: { grants: anonymous } });
    }
    if (!this.#verifier.hasKeys) {
      return err({ code: "token_invalid", message: "this server has no keys to check a token with" });
    }
    const claims = await this.#verifier.verify(token);
    if (!claims.ok) return claims;
    const access = accessTo(place.room, claims.value);
    if (access.grants.length > 0) return ok({ user: claims.value.user, access });
    return err({ code: "forbidden", message: "the token is not for this room" });
  }
}

/** Finds the token of a request: in its subprotocols, in `Authorization`, or in its query. */
export function tokenOf(
  request: Request,
  offered: string | undefined,
  query: URLSearchParams,
): string | undefined {
  const header = /^Bearer +(\S+)$/i.exec(request.headers.get("Authorization") ?? "")?.[1];
  return offered ?? header ?? query.get("token") ?? undefined;
}
