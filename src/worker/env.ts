import type { RoomApi } from "../room/api.ts";

/** The rate-limiting binding (wrangler.toml, `[[ratelimits]]`). */
export interface RateLimit {
  limit(options: { readonly key: string }): Promise<{ readonly success: boolean }>;
}

/** What the Worker is bound to. */
export interface Env {
  readonly ROOM: DurableObjectNamespace<Rpc.DurableObjectBranded & RoomApi>;
  /** Absent in the bare runtime, which has no such binding. */
  readonly JOINS_PER_ADDRESS?: RateLimit;
  /** Variables, read by `config/`. */
  readonly [variable: string]: unknown;
}
