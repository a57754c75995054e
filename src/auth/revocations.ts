import { isWithin } from "../limits/durations.ts";
import type { Access } from "../protocol/contract.ts";
import type { WireError } from "../protocol/errors.ts";

/** A revocation by an administrator: of one token, or of all tokens that a user was issued until then. */
export interface Revocation {
  readonly kind: "user" | "token";
  /** The token's `jti`, or the user. */
  readonly id: string;
  /** When it was revoked, Unix milliseconds. */
  readonly at: number;
  /** When the server forgets it, Unix milliseconds. The revoked tokens should have expired by then. */
  readonly until: number;
}

/** The object that keeps the list of revocations for the whole server. */
export interface RegistryApi {
  /** Adds a revocation. Returns `undefined` if the list is full. */
  revoke(what: Pick<Revocation, "kind" | "id">, keepMs: number): Promise<Revocation | undefined>;
  /** The revocations from a time on, Unix milliseconds. */
  since(at: number): Promise<readonly Revocation[]>;
}

/** Whether a revocation applies to a user and its token. A token of the user without an issue time is also revoked. */
export function isRevokedBy({ kind, id, at }: Revocation, user: string, access: Access | undefined): boolean {
  if (kind === "token") return id === access?.tokenId;
  return id === user && (access?.issuedAt ?? -Infinity) < at;
}

/** The maximum age of the known list, in milliseconds. With it a revocation takes effect within ten seconds. */
const MAX_AGE_MS = 8_000;

/** From this age on, in milliseconds, one request refreshes the list, and the others do not wait for it. */
const ASK_AGE_MS = 5_000;

/** The pause after a failed call of the registry, in milliseconds. */
const PAUSE_MS = 500;

/**
 * The isolate's copy of the revocation list. It is refreshed when a request with a token arrives, and kept for a few
 * seconds. A refresh requests only new revocations.
 */
export class Revocations {
  readonly #registry: (() => RegistryApi) | undefined;
  readonly #clock: () => number;
  readonly #known = new Map<string, Revocation>();
  #newest = 0;
  #askedAt = -Infinity;
  #tryingAt = -Infinity;
  #failedAt = -Infinity;

  /**
   * @param registry returns a new stub of the registry for each call; absent if nothing can be revoked
   * @param clock returns Unix milliseconds
   */
  constructor(registry: (() => RegistryApi) | undefined, clock: () => number) {
    this.#registry = registry;
    this.#clock = clock;
  }

  /** Whether this server can revoke anything. */
  get isOn(): boolean {
    return this.#registry !== undefined;
  }

  /** The error for a revoked user or token; `unavailable` if the list cannot be refreshed. */
  async refusal(user: string, access: Access): Promise<WireError | undefined> {
    if (user === "" || this.#registry === undefined) return undefined;
    try {
      await this.refresh();
    } catch {
      return { code: "unavailable", message: "the revocation list is unavailable; retry" };
    }
    return this.covers(user, access) ? { code: "token_revoked" } : undefined;
  }

  /** Whether a user or token is revoked, according to the known list. */
  covers(user: string, access: Access | undefined): boolean {
    const found = [this.#known.get(`user ${user}`), this.#known.get(`token ${access?.tokenId ?? ""}`)];
    return found.some((revocation) => revocation !== undefined && isRevokedBy(revocation, user, access));
  }

  /** Adds a revocation, unless a later one of the same user or token is known. The next refresh still requests all new ones. */
  learn(revocation: Revocation): void {
    const name = `${revocation.kind} ${revocation.id}`;
    if ((this.#known.get(name)?.at ?? -Infinity) <= revocation.at) this.#known.set(name, revocation);
  }

  /** Fetches new revocations, unless that was just done. Throws if that fails and the known list is too old. */
  async refresh(): Promise<void> {
    const now = this.#clock();
    const isFresh = isWithin(MAX_AGE_MS, this.#askedAt, now);
    const isAsked = isWithin(ASK_AGE_MS, this.#askedAt, now) || isWithin(ASK_AGE_MS, this.#tryingAt, now);
    if (this.#registry === undefined || (isFresh && isAsked)) return;
    if (isWithin(PAUSE_MS, this.#failedAt, now))
      throw new Error(`the registry failed less than ${PAUSE_MS} ms ago`);
    this.#tryingAt = now;
    try {
      await this.#ask(this.#registry(), now);
    } catch (error) {
      this.#failedAt = now;
      if (!isFresh) throw error;
    }
  }

  async #ask(registry: RegistryApi, now: number): Promise<void> {
    for (const revocation of await registry.since(this.#newest)) {
      this.learn(revocation);
      this.#newest = Math.max(this.#newest, revocation.at);
    }
    for (const [name, { until }] of this.#known) if (until <= now) this.#known.delete(name);
    this.#askedAt = now;
  }
}
