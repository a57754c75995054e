import { useView, whole } from "./use-view.ts";
import type { Connection } from "./views.ts";

/** The state of the connection. It is `idle` on a server, and in the first render. */
export function useConnection(): Connection {
  return useView("useConnection", "connection", whole);
}
