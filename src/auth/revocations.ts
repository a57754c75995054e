import { isWithin } from "../limits/durations.ts";
import type { Access } from "../protocol/contract.ts";
import type { WireError } from "../protocol/errors.ts";

/** What an administrator has revoked: a token, or what a user was issued until then. */
export interface Revocation {
  readonly kind: "user" | "token";
  /** The token's `jti`, or the user. */
  readonly id: string;
  /** Since when, Unix milliseconds. */
  readonly at: number;
  /** Until when it is remembered, Unix milliseconds: the tokens it is about have expired by then. */
  readonly until: number;
}

/** What keeps the list of revocations: one object for the whole server. */
export interface RegistryApi {
  /** Adds one; `undefined` where the list holds no more. */
  revoke(what: Pick<Revocation, "kind" | "id">, keepMs: number): Promise<Revocation | undefined>;
  /** Those from a time on, Unix milliseconds. */
  since(at: number): Promise<readonly Revocation[]>;
}

/** Whether a revocation is about who was issued this. A user's token that does not say when it was is revoked too. */
export function isRevokedBy({ kind, id, at }: Revocation, user: string, access: Access | undefined): boolean {
  if (kind === "token") return id === access?.tokenId;
  return id === user && (access?.issuedAt ?? -Infinity) < at;
}

/** How old what this knows may be, in milliseconds: a revocation is heard of within ten seconds. */
const MAX_AGE_MS = 8_000;

/** From this age on one of those who come asks, in milliseconds, and the others need not wait for it. */
const ASK_AGE_MS = 5_000;

/** A registry that did not answer is left alone so long, in milliseconds. */
const PAUSE_MS = 500;

/**
 * Who is revoked, as this isolate knows: asked for when someone comes with a token, and kept for a few seconds. Only what
 * is new is asked for.
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
   * @param registry finds what keeps the list, anew each time; absent where nothing is ever revoked
   * @param clock tells Unix milliseconds
   */
  constructor(registry: (() => RegistryApi) | undefined, clock: () => number) {
    this.#registry = registry;
    this.#clock = clock;
  }

  /** Whether anything can be revoked here. */
  get isOn(): boolean {
    return this.#registry !== undefined;
  }

  /** Why one may not come in any more; `unavailable` where that cannot be told. */
  async refusal(user: string, access: Access): Promise<WireError | undefined> {
    if (user === "" || this.#registry === undefined) return undefined;
    try {
      await this.refresh();
    } catch {
      return { code: "unavailable", message: "the revocation list is unavailable; retry" };
    }
    return this.covers(user, access) ? { code: "token_revoked" } : undefined;
  }

  /** Whether one is revoked, as far as is known. */
  covers(user: string, access: Access | undefined): boolean {
    const found = [this.#known.get(`user ${user}`), this.#known.get(`token ${access?.tokenId ?? ""}`)];
    return found.some((revocation) => revocation !== undefined && isRevokedBy(revocation, user, access));
  }

  /** Takes note of one, unless a later one of the same is known. Others may be as new: they are asked for all the same. */
  learn(revocation: Revocation): void {
    const name = `${revocation.kind} ${revocation.id}`;
    if ((this.#known.get(name)?.at ?? -Infinity) <= revocation.at) this.#known.set(name, revocation);
  }

  /** Learns what is new, unless that was just done. Throws where it cannot, and what is known is too old. */
  async refresh(): Promise<void> {
    const now = this.#clock();
    const isFresh = isWithin(MAX_AGE_MS, this.#askedAt, now);
    const isAsked = isWithin(ASK_AGE_MS, this.#askedAt, now) || isWithin(ASK_AGE_MS, this.#tryingAt, now);
    if (this.#registry === undefined || (isFresh && isAsked)) return;
    if (isWithin(PAUSE_MS, this.#failedAt, now)) throw new Error("the registry did not answer just now");
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
