import { useCallback } from "react";
import type { Json, Published, SharedValue } from "../client/index.ts";
import { attempt, useHandle } from "./handle.ts";
import { useView, type IsEqual } from "./use-view.ts";

/** Sets one key of the shared state. */
export interface SetSharedValue<Value = unknown, Before = Json> {
  /** Computes the new value from the current one, as `room.shared.update` does. */
  (change: (value: Before | undefined) => Value | undefined): Promise<Published>;
  /** Sets any value that JSON can represent. `undefined` deletes the key. */
  (value: Value | undefined): Promise<Published>;
}

/**
 * The value of one key of the shared state, and a function that sets it, like `useState`. The value changes when the room has
 * accepted the change. It is `undefined` if the key is absent, and on a server.
 */
export function useSharedState(key: string): readonly [Json | undefined, SetSharedValue];
/**
 * What a selector makes of the shared state. The component renders again only if that changes.
 *
 * @param isEqual compares selections: pass `shallow` for a selector that makes a new array or object. @default Object.is
 */
export function useSharedState<Selection>(
  select: (shared: ReadonlyMap<string, SharedValue>) => Selection,
  isEqual?: IsEqual<Selection>,
): Selection;
export function useSharedState(
  keyOrSelect: string | ((shared: ReadonlyMap<string, SharedValue>) => unknown),
  isEqual?: IsEqual<unknown>,
): unknown {
  const handle = useHandle("useSharedState");
  const select = useCallback(
    (shared: ReadonlyMap<string, SharedValue>) =>
      typeof keyOrSelect === "string" ? shared.get(keyOrSelect)?.value : keyOrSelect(shared),
    [keyOrSelect],
  );
  const set = useCallback<SetSharedValue>(
    (next: unknown) =>
      attempt(() => {
        const { room } = handle.opened;
        const key = String(keyOrSelect);
        if (typeof next === "function")
          return room.shared.update(key, next as (value: Json | undefined) => unknown);
        return next === undefined ? room.shared.set({}, { delete: [key] }) : room.shared.set({ [key]: next });
      }),
    [handle, keyOrSelect],
  );
  const selection = useView("useSharedState", "shared", select, isEqual);
  return typeof keyOrSelect === "string" ? [selection, set] : selection;
}
