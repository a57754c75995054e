import { useEffect, useMemo, useSyncExternalStore } from "react";
import { useHandle } from "./handle.ts";
import { EMPTY_HISTORY, HistoryLog, type LoadedHistory } from "./history-log.ts";

/** Which messages to show. */
export interface HistoryOptions {
  /** Only messages with this event. @default all events */
  readonly event?: string | undefined;
  /** How many messages to load at a time, 500 at most. @default 50 */
  readonly pageSize?: number | undefined;
  /**
   * How many messages to keep as new ones arrive. The oldest are dropped, and can be loaded again. @default 1_000
   */
  readonly maxMessages?: number | undefined;
}

/** The stored messages of a room, and a function that loads older ones. */
export interface RoomHistory extends LoadedHistory {
  /** Loads the page before the first message, if there is one. It is the same function in every render. */
  readonly loadOlder: () => Promise<void>;
}

/**
 * The newest stored messages, and new ones as they arrive. It loads the first page when the room is joined, and again if a
 * reconnect could not recover all messages. On a server it is empty, and `isLoading` is true.
 */
export function useHistory({ event, pageSize = 50, maxMessages = 1_000 }: HistoryOptions = {}): RoomHistory {
  const handle = useHandle("useHistory");
  const log = useMemo(
    () => new HistoryLog(handle, { event, pageSize, maxMessages }),
    [handle, event, pageSize, maxMessages],
  );
  useEffect(() => log.start(), [log]);
  const history = useSyncExternalStore(
    log.subscribe,
    () => log.snapshot,
    () => EMPTY_HISTORY,
  );
  return useMemo(() => ({ ...history, loadOlder: log.loadOlder }), [history, log]);
}
