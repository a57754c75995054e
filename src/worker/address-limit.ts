import { fullBucket, take, type Bucket, type BucketRate } from "../limits/token-bucket.ts";
import { log } from "../metrics/log.ts";
import type { WireError } from "../protocol/errors.ts";

/** The rate-limiting binding (wrangler.toml, `[[ratelimits]]`). */
export interface RateLimit {
  limit(options: { readonly key: string }): Promise<{ readonly success: boolean }>;
}

/** The period of `[[ratelimits]]` in wrangler.toml, in seconds: the binding does not tell it. */
export const PERIOD_SECONDS = 10;

/** Joins per period and address where the binding is absent; as many as wrangler.toml allows. */
export const JOINS_PER_PERIOD = 100;

const RATE: BucketRate = { perSecond: JOINS_PER_PERIOD / PERIOD_SECONDS, burst: JOINS_PER_PERIOD };

/** Addresses remembered by the isolate where the binding is absent. */
const MAX_ADDRESSES = 10_000;

/**
 * Limits how often one address may join, before any room is touched. Counted by the platform per location; where
 * the platform does not (the bare runtime), per isolate.
 */
export class AddressLimit {
  readonly #binding: RateLimit | undefined;
  readonly #buckets = new Map<string, Bucket>();

  constructor(binding: RateLimit | undefined) {
    this.#binding = binding;
    if (binding === undefined)
      log("warn", "no_ratelimit_binding", { effect: "joins are counted per isolate" });
  }

  /** Counts a join; the refusal where the address has had its share. */
  async refusal(address: string): Promise<WireError | undefined> {
    if (await this.#isWithin(address)) return undefined;
    const retryAfterMs = PERIOD_SECONDS * 1000;
    return {
      code: "rate_limited",
      message: "too many joins from this address",
      retryAfterMs,
      limit: "joinsPerAddress",
    };
  }

  /** A limiter that fails lets everyone in: it spares the rooms, it does not guard them. */
  async #isWithin(address: string): Promise<boolean> {
    if (this.#binding === undefined) return this.#take(address);
    try {
      return (await this.#binding.limit({ key: address })).success;
    } catch (error) {
      log("warn", "ratelimit_failed", { reason: String(error) });
      return true;
    }
  }

  #take(address: string): boolean {
    const now = Date.now();
    if (this.#buckets.size >= MAX_ADDRESSES) this.#buckets.clear();
    const bucket = this.#buckets.get(address) ?? fullBucket(RATE, now);
    this.#buckets.set(address, bucket);
    return take(RATE, bucket, 1, now) === 0;
  }
}

/** Whose a request is, as far as its address tells: Cloudflare gives it, local runtimes may not. */
export function addressOf(request: Request): string {
  const address = request.headers.get("CF-Connecting-IP") ?? "unknown";
  return address.includes(":") ? networkOf(address) : address;
}

/**
 * The /64 of an IPv6 address, for that is what one subscriber has. An address that holds an IPv4 one is that one; what
 * is no address stays as it is.
 */
function networkOf(address: string): string {
  const mapped = /^::(?:ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const rest = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - groups.length - rest.length;
  const all = [...groups, ...Array<string>(Math.max(0, zeros)).fill("0"), ...rest];
  if (all.length !== 8 || !all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return address;
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}
