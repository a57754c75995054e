import { useCallback, useSyncExternalStore } from "react";
import type { Json } from "../client/index.ts";
import { attempt, useHandle } from "./handle.ts";

/** Sets this member's presence data, or computes it from the data that was set before. */
export type SetMyPresence<Presence> = (
  next: Presence | ((before: Presence | undefined) => Presence),
) => Promise<void>;

/**
 * This member's presence data as this page has set it, and a function that sets it, like `useState`. The value changes at
 * once. Others receive it with the next flush. The promise rejects if the room does not accept it. What the room has made of
 * it is in `useMember(room.self)`.
 *
 * @template Presence the type that this page sets. It is not checked.
 */
export function useMyPresence<Presence = Json>(): readonly [Presence | undefined, SetMyPresence<Presence>] {
  const handle = useHandle("useMyPresence");
  const subscribe = useCallback(
    (listener: () => void) => {
      const { presenceListeners } = handle.opened;
      presenceListeners.add(listener);
      return () => void presenceListeners.delete(listener);
    },
    [handle],
  );
  const read = (): unknown => (handle.open ?? handle.options).presence;
  const presence = useSyncExternalStore(subscribe, read, () => handle.options.presence);
  const set = useCallback<SetMyPresence<Presence>>(
    (next) =>
      attempt(() => {
        const { opened } = handle;
        opened.presence = isUpdate(next) ? next(opened.presence as Presence | undefined) : next;
        const accepted = opened.room.setPresence(opened.presence);
        for (const listener of [...opened.presenceListeners]) listener();
        return accepted;
      }),
    [handle],
  );
  return [presence as Presence | undefined, set];
}

/** Presence data is JSON, so a function is never the data itself. */
function isUpdate<Value>(
  next: Value | ((before: Value | undefined) => Value),
): next is (before: Value | undefined) => Value {
  return typeof next === "function";
}
