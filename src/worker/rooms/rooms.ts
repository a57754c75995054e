import type { Kind } from "../../config/config.ts";
import type { Jurisdiction, LocationHint } from "../../config/kinds.ts";
import { log } from "../../metrics/log.ts";
import { err, ok, type Result } from "../../protocol/result.ts";
import type { Env } from "../env.ts";
import { hintFor, type ClientLocation } from "./location.ts";

/** The object behind `/readyz`. Outside the grammar of room names, so it is no room's. */
const PROBE_NAME = "/readyz";

/** A call to a room is tried so often, where the platform says that trying again makes sense. */
const TRIES = 3;

/** The longest pause before the second try, in milliseconds; twice as long before the third. */
const PAUSE_MS = 100;

/** A room, as the Worker calls it. */
export type Stub = ReturnType<Env["ROOM"]["getByName"]>;

/**
 * Finds the object of a room. An object lives for ever where its first request says, so only a join says so by where
 * its client is; whatever else might come first goes by the configuration.
 */
export class Rooms {
  readonly #namespace: Env["ROOM"];
  readonly #fallback: LocationHint;

  constructor(namespace: Env["ROOM"], fallback: LocationHint) {
    this.#namespace = namespace;
    this.#fallback = fallback;
  }

  /** The room for a client that joins. */
  forJoin(name: string, kind: Kind, client: ClientLocation | undefined): Stub {
    return this.#at(name, kind.location ?? hintFor(client) ?? this.#fallback, kind.jurisdiction);
  }

  /** The room for anything but a join. */
  forCall(name: string, kind: Kind): Stub {
    return this.#at(name, kind.location ?? this.#fallback, kind.jurisdiction);
  }

  /** An object that is no room, to see whether objects answer. */
  probe(): Stub {
    return this.#at(PROBE_NAME, this.#fallback);
  }

  #at(name: string, locationHint: LocationHint, jurisdiction?: Jurisdiction): Stub {
    return jurisdiction === undefined
      ? this.#namespace.getByName(name, { locationHint })
      : this.#within(jurisdiction).getByName(name);
  }

  /** The local runtime has no jurisdictions (workerd 1.20261023), and its data is on this machine anyway. */
  #within(jurisdiction: Jurisdiction): Env["ROOM"] {
    try {
      return this.#namespace.jurisdiction(jurisdiction);
    } catch (error) {
      if (!String(error).includes("not implemented in workerd")) throw error;
      log("debug", "jurisdiction_ignored", { jurisdiction, reason: String(error) });
      return this.#namespace;
    }
  }
}

/**
 * Calls a room; what the platform could not deliver is `unavailable`.
 *
 * @param mayRepeat whether the call may happen twice: then it is tried again where the platform says that this makes
 *   sense, and never when the room is overloaded. A stub may be broken after an error, so each try makes a new one
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
        log("warn", "room_unavailable", { reason: String(error) });
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
