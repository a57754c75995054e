import type { RoomMessage } from "../client/index.ts";
import type { RoomHandle } from "./handle.ts";
import type { RecordedMessage } from "./history.ts";

/** The stored messages that a component shows. */
export interface LoadedHistory {
  /** In the order of the room's log. New messages are added as they arrive. */
  readonly messages: readonly RecordedMessage[];
  /** Whether the room may have older messages than the first of these. */
  readonly hasOlder: boolean;
  /** Whether messages are being loaded. */
  readonly isLoading: boolean;
  /** Why messages could not be loaded; `undefined` without an error. `loadOlder` tries again, and so does each reconnect. */
  readonly error: unknown;
}

/** Which messages to show, and how many. */
export interface HistorySettings {
  /** The event of the messages; `undefined` for all events. */
  readonly event: string | undefined;
  readonly pageSize: number;
  readonly maxMessages: number;
}

/** What a server renders. */
export const EMPTY_HISTORY: LoadedHistory = {
  messages: [],
  hasOlder: false,
  isLoading: true,
  error: undefined,
};

/** Loads the newest stored messages of a room, adds messages that arrive, and loads older ones on request. */
export class HistoryLog {
  readonly #handle: RoomHandle;
  readonly #settings: HistorySettings;
  readonly #listeners = new Set<() => void>();
  #snapshot = EMPTY_HISTORY;
  #hasLoaded = false;
  #reading: AbortController | undefined;

  constructor(handle: RoomHandle, settings: HistorySettings) {
    this.#handle = handle;
    this.#settings = settings;
  }

  /** Immutable. */
  get snapshot(): LoadedHistory {
    return this.#snapshot;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  /** Loads the newest messages once the room is joined, and follows the room. The returned function stops both. */
  start(): () => void {
    const { room, views } = this.#handle.opened;
    const stops = [
      room.on("message", (message) => this.#add(message as RecordedMessage)),
      room.on("welcome", ({ recovered }) => {
        if (recovered === false) this.#forget();
        if (!this.#hasLoaded || this.#snapshot.error !== undefined) void this.loadOlder();
      }),
      room.on("closed", ({ error }) => this.#change({ isLoading: false, error })),
    ];
    this.#forget();
    const { state } = views.connection.snapshot;
    if (state === "open") void this.loadOlder();
    else if (state === "closed") this.#change({ isLoading: false });
    return () => {
      for (const stop of stops) stop();
      this.#reading?.abort();
    };
  }

  /** Loads messages before the first one. Does nothing while it is loading, and if there are none. */
  readonly loadOlder = async (): Promise<void> => {
    if (this.#reading !== undefined || (this.#hasLoaded && !this.#snapshot.hasOlder)) return;
    const reading = new AbortController();
    this.#reading = reading;
    this.#change({ isLoading: true, error: undefined });
    let result: Partial<LoadedHistory>;
    try {
      result = await this.#read(reading.signal);
    } catch (error) {
      result = { error };
    }
    if (this.#reading !== reading || reading.signal.aborted) return;
    this.#reading = undefined;
    this.#change({ ...result, isLoading: false });
  };

  async #read(signal: AbortSignal): Promise<Partial<LoadedHistory>> {
    const { pageSize } = this.#settings;
    const before = this.#snapshot.messages[0]?.offset;
    const older: RecordedMessage[] = [];
    for await (const message of this.#handle.opened.room.history({ before, pageSize, signal })) {
      if (this.#isShown(message)) older.push(message as RecordedMessage);
      if (older.length >= pageSize) break;
    }
    // New messages that have arrived in the meantime may be in this page, too.
    const shown = this.#snapshot.messages;
    const first = shown[0]?.offset ?? Infinity;
    const messages = [...older.filter(({ offset }) => offset < first).toReversed(), ...shown];
    this.#hasLoaded ||= !signal.aborted;
    return { messages, hasOlder: older.length >= pageSize };
  }

  /** Forgets everything, because messages may be missing or belong to another log. */
  #forget(): void {
    this.#reading?.abort();
    this.#reading = undefined;
    this.#hasLoaded = false;
    this.#change(EMPTY_HISTORY);
  }

  /** Adds a message that arrived. It may have been loaded already. */
  #add(message: RecordedMessage): void {
    const { messages, hasOlder } = this.#snapshot;
    const { offset } = message;
    if (offset === undefined || offset <= (messages.at(-1)?.offset ?? -1) || !this.#isShown(message)) return;
    // Messages that the user has loaded stay, however many that makes. While older ones are being loaded, none are dropped,
    // because they would be missing between the older ones and the rest.
    const most =
      this.#reading === undefined ? Math.max(this.#settings.maxMessages, messages.length) : Infinity;
    const kept = [...messages, message].slice(-most);
    this.#change({ messages: kept, hasOlder: hasOlder || kept.length === messages.length });
  }

  #isShown({ event }: RoomMessage): boolean {
    return event === (this.#settings.event ?? event);
  }

  #change(change: Partial<LoadedHistory>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    for (const listener of [...this.#listeners]) listener();
  }
}
