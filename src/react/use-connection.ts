import { useView, whole } from "./use-view.ts";
import type { ConnectionStatus } from "../client/index.ts";

/** The state of the connection. It is `idle` on a server, and in the first render. */
export function useConnection(): ConnectionStatus {
  return useView("useConnection", "connection", whole);
}
