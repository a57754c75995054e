import type { Config } from "../../config/config.ts";
import { err, ok, type Result } from "../../protocol/result.ts";
import { isUpgrade, readOffer, type Offer } from "../../transports/websocket.ts";
import { UNKNOWN_ADDRESS, addressOf, type ADDRESS_LIMITS } from "./address-limit.ts";
import { credentialsOf, type Authenticator, type Principal } from "./authentication.ts";
import type { Origins } from "./origins.ts";
import { queryOf, readUrl } from "./paths.ts";
import { readRoomReference, type RoomReference } from "./room-reference.ts";

/** A request to a room that has passed all checks of the Worker. */
export interface RoomRequest {
  readonly query: URLSearchParams;
  readonly reference: RoomReference;
  readonly principal: Principal;
}

/** The client behind a request. */
export interface Caller {
  /** Absent if the runtime does not report it. */
  readonly address: string | undefined;
  /** The source that the request counts against: its verified user or, without one, its address. */
  readonly source: string;
  /** Which limit the request counts against. */
  readonly limit: keyof typeof ADDRESS_LIMITS;
  /** The client's offer in `Sec-WebSocket-Protocol`, if the request is an upgrade. */
  readonly offer: Offer | undefined;
  /** The admitted request, or the error that rejects it. A path outside `/rooms` is `not_found`. */
  readonly roomRequest: Result<RoomRequest>;
}

/** The paths of rooms. A request for `/events` joins, like an upgrade. A poll joins, unless it names a roster and may continue. */
const ROOM_PATH = /^\/rooms\/[^/]/;
const EVENTS_PATH = /^\/rooms\/[^/]+\/events\/?$/;
const POLL_PATH = /^\/rooms\/[^/]+\/poll\/?$/;
const NAMES_ROSTER = /[?&]roster=[^&]/;

/**
 * Identifies the caller of a request. This is the first step for every request. The Worker reads nothing else of a request
 * before it has counted it for its caller.
 */
export class Callers {
  readonly #config: Config;
  readonly #authenticator: Authenticator;
  readonly #origins: Origins;

  constructor(config: Config, authenticator: Authenticator, origins: Origins) {
    this.#config = config;
    this.#authenticator = authenticator;
    this.#origins = origins;
  }

  /** @param path the path of the request's URL */
  async identify(request: Request, path: string): Promise<Caller> {
    const address = addressOf(request);
    const offer = isUpgrade(request) ? readOffer(request.headers.get("Sec-WebSocket-Protocol")) : undefined;
    const isPoll = POLL_PATH.test(path);
    const isJoin = offer !== undefined || isPoll || EVENTS_PATH.test(path);
    const countsAsJoin = isJoin && !(isPoll && NAMES_ROSTER.test(request.url));
    const roomRequest = ROOM_PATH.test(path)
      ? await this.#check(request, isJoin, offer)
      : err({ code: "not_found" as const });
    const user = roomRequest.ok ? roomRequest.value.principal.user : "";
    return {
      address,
      source: user === "" ? (address ?? UNKNOWN_ADDRESS) : `@${user}`,
      limit: countsAsJoin ? "joinsPerAddress" : "requestsPerAddress",
      offer,
      roomRequest,
    };
  }

  async #check(request: Request, isJoin: boolean, offer: Offer | undefined): Promise<Result<RoomRequest>> {
    const { server } = this.#config;
    if (server.paused === "on")
      return err({ code: "unavailable", message: "the server is paused (PAUSED=on); retry later" });
    if (offer?.isSpoken === false) return err({ code: "version" });
    if (!this.#origins.allows(request.headers.get("Origin"))) return err({ code: "origin_not_allowed" });
    const url = readUrl(request);
    if (!url.ok) return url;
    const reference = readRoomReference(url.value, this.#config);
    if (!reference.ok) return reference;
    const query = queryOf(url.value);
    const credentials = credentialsOf(request, offer?.token, query);
    // Only a room knows which session a ticket belongs to, and it checks that at a join.
    const principal = await this.#authenticator.authenticate(
      reference.value,
      isJoin ? credentials : { ...credentials, ticket: undefined },
    );
    return principal.ok ? ok({ query, reference: reference.value, principal: principal.value }) : principal;
  }
}
