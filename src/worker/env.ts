import type { RegistryApi } from "../auth/revocations.ts";
import type { RoomApi } from "../room/api.ts";
import type { RateLimit } from "./admission/address-limit.ts";

/** The bindings of the Worker. */
export interface Env {
  readonly ROOM: DurableObjectNamespace<Rpc.DurableObjectBranded & RoomApi>;
  /** Required only for administration. */
  readonly REGISTRY?: DurableObjectNamespace<Rpc.DurableObjectBranded & RegistryApi>;
  /** The rate limits are absent in the bare runtime, which does not support them. */
  readonly JOINS_PER_ADDRESS?: RateLimit;
  readonly REQUESTS_PER_ADDRESS?: RateLimit;
  /** Variables, read by `config/`. */
  readonly [variable: string]: unknown;
}

/** What Hono passes with a request: its execution context, if the caller of the handler provides one. */
export interface Carried {
  Bindings: { readonly execution?: ExecutionContext | undefined };
}
