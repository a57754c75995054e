import type { RegistryApi } from "../auth/revocations.ts";
import type { RoomApi } from "../room/api.ts";
import type { RateLimit } from "./admission/address-limit.ts";

/** What the Worker is bound to. */
export interface Env {
  readonly ROOM: DurableObjectNamespace<Rpc.DurableObjectBranded & RoomApi>;
  /** Needed for administration only. */
  readonly REGISTRY?: DurableObjectNamespace<Rpc.DurableObjectBranded & RegistryApi>;
  /** These are absent in the bare runtime, which has no such bindings. */
  readonly JOINS_PER_ADDRESS?: RateLimit;
  readonly REQUESTS_PER_ADDRESS?: RateLimit;
  /** Variables, read by `config/`. */
  readonly [variable: string]: unknown;
}

/** What Hono carries beside a request: its execution context, if the caller of the handler passed it on. */
export interface Carried {
  Bindings: { readonly execution?: ExecutionContext | undefined };
}
