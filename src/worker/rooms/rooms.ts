import type { Kind } from "../../config/config.ts";
import type { Jurisdiction, LocationHint } from "../../config/kinds.ts";
import { log } from "../../metrics/log.ts";
import { err, ok, type Result } from "../../protocol/result.ts";
import type { Env } from "../env.ts";
import { hintFor, type ClientLocation } from "./location.ts";

/** The name of the object behind `/readyz`. It is not a valid room name, so no room has it. */
const PROBE_NAME = "/readyz";

/** The maximum attempts of a call to a room. Only errors that the platform marks as retryable are retried. */
const TRIES = 3;

/** The maximum pause before the second attempt, in milliseconds. It doubles with each attempt. */
const PAUSE_MS = 100;

/** The stub through which the Worker calls a room. */
export type Stub = ReturnType<Env["ROOM"]["getByName"]>;

/**
 * Finds the object of a room. The first request determines where an object lives, for ever. So only a join places the room
 * near its client, and any other request uses the configured location.
 */
export class Rooms {
  readonly #namespace: Env["ROOM"];
  readonly #fallback: LocationHint;

  constructor(namespace: Env["ROOM"], fallback: LocationHint) {
    this.#namespace = namespace;
    this.#fallback = fallback;
  }

  /** The room for a joining client. */
  forJoin(name: string, kind: Kind, client: ClientLocation | undefined): Stub {
    return this.#at(name, kind.location ?? hintFor(client) ?? this.#fallback, kind.jurisdiction);
  }

  /** The room for any other request. */
  forCall(name: string, kind: Kind): Stub {
    return this.#at(name, kind.location ?? this.#fallback, kind.jurisdiction);
  }

  /** An object that is not a room, to check whether Durable Objects respond. */
  probe(): Stub {
    return this.#at(PROBE_NAME, this.#fallback);
  }

  #at(name: string, locationHint: LocationHint, jurisdiction?: Jurisdiction): Stub {
    return jurisdiction === undefined
      ? this.#namespace.getByName(name, { locationHint })
      : this.#within(jurisdiction).getByName(name);
  }

  /** The local runtime does not support jurisdictions (workerd 1.20261023), and stores all data on the local machine. */
  #within(jurisdiction: Jurisdiction): Env["ROOM"] {
    try {
      return this.#namespace.jurisdiction(jurisdiction);
    } catch (error) {
      if (!String(error).includes("not implemented in workerd")) throw error;
      log("jurisdiction_ignored", { jurisdiction, reason: String(error) });
      return this.#namespace;
    }
  }
}

/**
 * Calls a room. A failed call returns the error `unavailable`.
 *
 * @param call creates its stub itself, because a stub may be broken after an error
 * @param mayRepeat whether it is harmless if the call takes effect twice. Then an error is retried if the platform marks it
 *   as retryable and the room is not overloaded
 */
export async function callRoom<Value>(
  call: () => Promise<Value>,
  { mayRepeat }: { mayRepeat: boolean },
): Promise<Result<Value>> {
  for (let attempt = 1; ; attempt++) {
    try {
      return ok(await call());
    } catch (error) {
      if (!mayRepeat || attempt === TRIES || !isRetryable(error)) {
        log("room_unavailable", { reason: String(error) });
        return err({ code: "unavailable" });
      }
      const pauseMs = Math.random() * PAUSE_MS * 2 ** (attempt - 1);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

function isRetryable(error: unknown): boolean {
  const { retryable, overloaded } = error as { retryable?: unknown; overloaded?: unknown };
  return retryable === true && overloaded !== true;
}
