import type { RoomApi } from "../room/api.ts";
import type { RateLimit } from "./address-limit.ts";

/** What the Worker is bound to. */
export interface Env {
  readonly ROOM: DurableObjectNamespace<Rpc.DurableObjectBranded & RoomApi>;
  /** Absent in the bare runtime, which has no such binding. */
  readonly JOINS_PER_ADDRESS?: RateLimit;
  /** Variables, read by `config/`. */
  readonly [variable: string]: unknown;
}
