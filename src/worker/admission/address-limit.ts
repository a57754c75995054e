import { fullBucket, take, type Bucket, type BucketRate } from "../../limits/token-bucket.ts";
import { log } from "../../metrics/log.ts";
import type { WireError } from "../../protocol/errors.ts";

/** The rate-limiting binding (wrangler.toml, `[[ratelimits]]`). */
export interface RateLimit {
  limit(options: { readonly key: string }): Promise<{ readonly success: boolean }>;
}

/** The period of each of `[[ratelimits]]` in wrangler.toml, in seconds. The binding does not expose it. */
export const PERIOD_SECONDS = 10;

/** The limits per period if the binding is absent. They are the same as in wrangler.toml. */
export const ADDRESS_LIMITS = {
  joinsPerAddress: { perPeriod: 100, text: "too many joins from this user or address; retry later" },
  requestsPerAddress: { perPeriod: 600, text: "too many requests from this user or address; retry later" },
} as const;

/** The maximum sources that an isolate remembers if the binding is absent. */
const MAX_SOURCES = 10_000;

/**
 * Limits the requests of a verified user or, without a token, of an address, before any room is called. The platform counts
 * them per location. Without the binding (in the bare runtime) each isolate counts them.
 */
export class AddressLimit {
  readonly #name: keyof typeof ADDRESS_LIMITS;
  readonly #binding: RateLimit | undefined;
  readonly #rate: BucketRate;
  readonly #buckets = new Map<string, Bucket>();

  constructor(name: keyof typeof ADDRESS_LIMITS, binding: RateLimit | undefined) {
    const { perPeriod } = ADDRESS_LIMITS[name];
    this.#name = name;
    this.#binding = binding;
    this.#rate = { perSecond: perPeriod / PERIOD_SECONDS, burst: perPeriod };
    if (binding === undefined) log("no_ratelimit_binding", { effect: `${name} is counted per isolate` });
  }

  /** Counts a request. Returns the refusal if its source has reached the limit. */
  async refusal(source: string): Promise<WireError | undefined> {
    if (await this.#isWithin(source)) return undefined;
    const retryAfterMs = PERIOD_SECONDS * 1000;
    return {
      code: "rate_limited",
      message: ADDRESS_LIMITS[this.#name].text,
      retryAfterMs,
      limit: this.#name,
    };
  }

  /** Allows the request if the platform's limiter fails, because the limit protects against load and not against access. */
  async #isWithin(source: string): Promise<boolean> {
    if (this.#binding === undefined) return this.#take(source);
    try {
      return (await this.#binding.limit({ key: source })).success;
    } catch (error) {
      log("ratelimit_failed", { reason: String(error) });
      return true;
    }
  }

  #take(source: string): boolean {
    const now = Date.now();
    if (this.#buckets.size >= MAX_SOURCES) this.#buckets.clear();
    const bucket = this.#buckets.get(source) ?? fullBucket(this.#rate, now);
    this.#buckets.set(source, bucket);
    return take(this.#rate, bucket, 1, now) === 0;
  }
}

/** Stands for the address of requests without one, which are counted together. */
export const UNKNOWN_ADDRESS = "unknown";

/** Returns the client's address, which Cloudflare sets and local runtimes may not. Of an IPv6 address it is the /64. */
export function addressOf(request: Request): string | undefined {
  const address = request.headers.get("CF-Connecting-IP") ?? undefined;
  return address?.includes(":") === true ? networkOf(address) : address;
}

/**
 * Returns the /64 of an IPv6 address, because providers assign at least a /64 to each subscriber. An IPv4-mapped address
 * becomes the IPv4 address. An invalid address is returned unchanged.
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
