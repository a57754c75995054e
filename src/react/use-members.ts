import { useCallback, useSyncExternalStore } from "react";
import type { Member } from "../client/index.ts";
import { useHandle } from "./handle.ts";
import { useView, whole, type IsEqual } from "./use-view.ts";

/** All members by id, including this client. The component renders again at every change of any member. */
export function useMembers(): ReadonlyMap<string, Member>;
/**
 * What a selector makes of the members. The component renders again only if that changes.
 *
 * @param isEqual compares selections: pass `shallow` for a selector that makes a new array or object. @default Object.is
 *
 * @example
 * const ids = useMembers((members) => [...members.keys()], shallow);
 */
export function useMembers<Selection>(
  select: (members: ReadonlyMap<string, Member>) => Selection,
  isEqual?: IsEqual<Selection>,
): Selection;
export function useMembers(
  select: (members: ReadonlyMap<string, Member>) => unknown = whole,
  isEqual?: IsEqual<unknown>,
): unknown {
  return useView("useMembers", "members", select, isEqual);
}

/**
 * One member. The component renders again only when this member changes.
 *
 * @returns `undefined` if nobody in the room has this id
 */
export function useMember(id: string | undefined): Member | undefined {
  const select = useCallback(
    (members: ReadonlyMap<string, Member>) => (id === undefined ? undefined : members.get(id)),
    [id],
  );
  return useView("useMember", "members", select);
}

/** The number of members, also in a room that does not send the list; 0 on a server. */
export function useMemberCount(): number {
  const handle = useHandle("useMemberCount");
  const subscribe = useCallback(
    (listener: () => void) => handle.open?.room.on("presence", listener) ?? (() => {}),
    [handle],
  );
  return useSyncExternalStore(
    subscribe,
    () => handle.open?.room.count ?? 0,
    () => 0,
  );
}
