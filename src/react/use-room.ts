import { useSyncExternalStore } from "react";
import type { Room } from "../client/index.ts";
import { useHandle } from "./handle.ts";

/**
 * The room, for what has no hook of its own. It is `undefined` on a server and in the first render, and is defined in
 * every event handler. Its values are live: a component does not render again when they change.
 */
export function useRoom(): Room | undefined {
  const handle = useHandle("useRoom");
  return useSyncExternalStore(
    never,
    () => handle.open?.room,
    () => undefined,
  );
}

/** The room is opened once, before React subscribes. React compares snapshots when it has subscribed. */
function never(): () => void {
  return () => {};
}
