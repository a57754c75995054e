import { useCallback, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { useHandle } from "./handle.ts";
import { INITIAL, type Views } from "./views.ts";

/** Whether a component need not render again. */
export type IsEqual<Value> = (before: Value, after: Value) => boolean;

type SnapshotOf<Name extends keyof Views> = Views[Name]["snapshot"];

/**
 * What a component selects of a view of its room. The component renders again only if the selection has changed.
 *
 * @param hook the name of the hook for applications
 * @param isEqual compares selections
 */
export function useView<Name extends keyof Views, Selection>(
  hook: string,
  name: Name,
  select: (snapshot: SnapshotOf<Name>) => Selection,
  isEqual: IsEqual<Selection> = Object.is,
): Selection {
  const handle = useHandle(hook);
  const shown = useRef<{ readonly selection: Selection } | undefined>(undefined);
  // A selector may be a new function in each render, and may return a new object each time. So each pair of a selector and a
  // snapshot has one selection, which is the one that is shown if they are equal.
  const [read, readInitial] = useMemo(() => {
    const reader = (snapshotNow: () => SnapshotOf<Name>): (() => Selection) => {
      let seen: { readonly snapshot: SnapshotOf<Name>; readonly selection: Selection } | undefined;
      return () => {
        const snapshot = snapshotNow();
        if (seen?.snapshot !== snapshot) {
          const selection = select(snapshot);
          const before = seen ?? shown.current;
          const isSame = before !== undefined && isEqual(before.selection, selection);
          seen = { snapshot, selection: isSame ? before.selection : selection };
        }
        return seen.selection;
      };
    };
    return [reader(() => handle.open?.views[name].snapshot ?? INITIAL[name]), reader(() => INITIAL[name])];
  }, [handle, name, select, isEqual]);
  const subscribe = useCallback(
    (listener: () => void) => handle.open?.views[name].subscribe(listener) ?? noop,
    [handle, name],
  );
  const selection = useSyncExternalStore(subscribe, read, readInitial);
  useEffect(() => {
    shown.current = { selection };
  }, [selection]);
  return selection;
}

function noop(): void {}

/** Selects a snapshot as a whole. */
export function whole<Value>(snapshot: Value): Value {
  return snapshot;
}
