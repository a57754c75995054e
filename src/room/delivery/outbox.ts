import type { CloseName } from "../../protocol/close-codes.ts";
import { encodeFrame, errorFrame } from "../../protocol/encode.ts";
import type { AckFrame, ErrorFrame, ExpiringFrame } from "../../protocol/frames.ts";
import { encodeEntry, type EntryParts } from "../../protocol/messages.ts";
import { log } from "../../metrics/log.ts";
import type { Announcements } from "../presence/announcements.ts";
import type { FanOut } from "./fan-out.ts";
import type { FlushContents, EncodedEntry } from "./flush-encoder.ts";
import type { Flush } from "./flush.ts";
import { encodeHistory, type HistoryReply } from "../log/history-pages.ts";
import type { Log } from "../log/log.ts";
import type { Deduplication } from "../log/deduplication.ts";
import type { Waiting } from "./flush-schedule.ts";
import type { StoredRef } from "../log/segment-store.ts";
import { closeSocket, type Session, type Sessions } from "../connections/sessions.ts";
import type { State } from "../state/state.ts";

/** Takes the answer to an act: to its socket, or into the answer of its POST. */
export type Reply = (frame: AckFrame | ErrorFrame | HistoryReply) => void;

/** The act that a recorded frame comes from; absent for what the room itself records. */
export interface Origin {
  readonly session: string;
  readonly ref: number | undefined;
  /** The ref as its client gave it, which an answer names. */
  readonly named: number | undefined;
}

/** A recorded frame that waits to be stored. */
interface Pending {
  readonly parts: EntryParts;
  readonly origin: Origin | undefined;
  /** More than one when an act is repeated before its first copy is stored. */
  readonly replies: Reply[];
}

/**
 * What has happened and has not been told yet. {@link flush} makes it one storage write and one frame per member.
 *
 * Nothing in here has been seen by anyone, and no offset is told before the flush that stores it.
 */
export class Outbox {
  readonly #log: Log;
  readonly #deduplication: Deduplication;
  readonly #state: State;
  readonly #sessions: Sessions;
  readonly #fanOut: FanOut;
  /** Who has come, changed and gone: told in the flushes as well. */
  readonly presence: Announcements;
  #recorded: Pending[] = [];
  /** By slot; one without a slot stands for itself. */
  #volatile = new Map<string | EntryParts, EntryParts>();
  #own = new Map<Session, string[]>();
  #farewells = new Map<Session, CloseName>();
  /** Whether what is recorded is written to the storage. */
  readonly #isStored: boolean;
  #stored = 0;
  /** Whether this life of the log has told its epoch; one that is stored need not. */
  #isEpochTold: boolean;

  constructor(
    isStored: boolean,
    room: {
      readonly log: Log;
      readonly deduplication: Deduplication;
      readonly state: State;
      readonly sessions: Sessions;
      readonly presence: Announcements;
      readonly fanOut: FanOut;
    },
  ) {
    this.#isStored = isStored;
    this.#isEpochTold = isStored;
    this.#log = room.log;
    this.#deduplication = room.deduplication;
    this.#state = room.state;
    this.#sessions = room.sessions;
    this.presence = room.presence;
    this.#fanOut = room.fanOut;
  }

  /** Closes the connection of a session that is no longer in the room, after the flush that tells it the last. */
  farewell(session: Session, close: CloseName): void {
    this.#farewells.set(session, close);
  }

  /** The offset that what is recorded next will have. */
  get nextOffset(): number {
    return this.#log.head + this.#recorded.length + 1;
  }

  /** Adds the answer to an act that waits to be stored; returns whether it does. */
  repeat(session: string, ref: number, reply: Reply): boolean {
    const twin = this.#recorded.find(({ origin }) => origin?.session === session && origin.ref === ref);
    twin?.replies.push(reply);
    return twin !== undefined;
  }

  /** Queues a recorded frame. Its act is answered once it is stored, or when it could not be. */
  record(parts: EntryParts, origin?: Origin, reply?: Reply): void {
    this.#recorded.push({ parts, origin, replies: reply === undefined ? [] : [reply] });
  }

  /**
   * Queues a volatile message; it takes the place of an older one of its slot that has not been told yet.
   *
   * @param slot which messages may stand for one another; absent where none may
   */
  volatile(parts: EntryParts, slot: string | EntryParts = parts): void {
    this.#volatile.delete(slot); // So that the order is that of the newest.
    this.#volatile.set(slot, parts);
  }

  /** Whether there is nothing to tell. */
  get isEmpty(): boolean {
    return !this.#hasOthers && this.presence.isEmpty;
  }

  /** What there is to tell, as far as that says how long it may wait. */
  get waiting(): Waiting {
    if (this.#recorded.length > 0) return this.#isStored ? "stored" : "other";
    const isOther = this.#own.size + this.#farewells.size > 0 || !this.presence.isEmpty;
    return this.#volatile.size > 0 && !isOther ? "volatile" : "other";
  }

  /** How many messages were written to the storage since the last call. */
  takeStored(): number {
    const stored = this.#stored;
    this.#stored = 0;
    return stored;
  }

  /** Queues a frame for one connection, behind what the flush has for all. */
  reply(session: Session, frame: AckFrame | ErrorFrame | ExpiringFrame | HistoryReply): void {
    const text = frame.type === "history" ? encodeHistory(frame) : encodeFrame(frame);
    const texts = this.#own.get(session);
    if (texts === undefined) this.#own.set(session, [text]);
    else texts.push(text);
  }

  /**
   * Stores what is recorded, then tells everyone everything. Leaves nothing behind, but for presence in a storm of
   * joins: where nothing else is to be told, it waits for more.
   *
   * @param how `newcomer` is told nothing: its welcome, which follows, says it all. With `moreCome` others come in the
   * same turn, and presence waits for them
   */
  flush(
    now: number,
    { newcomer, moreCome = false }: { readonly newcomer?: Session; readonly moreCome?: boolean } = {},
  ): void {
    const after = this.#log.head;
    if (this.isEmpty) return;
    const hasOthers = this.#hasOthers;
    const recorded = this.#recorded.length === 0 ? [] : this.#store(this.#recorded, now);
    const isPresenceDue = this.presence.isDue(this.#sessions.size, { hasOthers, moreCome }, now);
    if (!hasOthers && !isPresenceDue) return;
    const time = this.#log.timeAt(now);
    const volatile = Array.from(this.#volatile.values(), (parts) => encoded(parts, time, undefined));
    const contents: FlushContents = {
      before: this.#isEpochTold ? undefined : this.#epochFrame(after),
      presence: isPresenceDue ? this.presence.take() : undefined,
      recorded,
      volatile,
    };
    const isAddressed = [...recorded, ...volatile].some(({ to }) => to !== undefined);
    const { position = "" } = this.#log;
    const flush: Flush = { contents, own: this.#own, after, position, isAddressed, texts: new Map() };
    const farewells = this.#farewells;
    this.#recorded = [];
    this.#volatile = new Map();
    this.#own = new Map();
    this.#farewells = new Map();
    if (recorded.length > 0) this.#isEpochTold = true;
    const isForAll = recorded.length + volatile.length > 0 || isPresenceDue;
    this.#sessions.backlog.refresh();
    // A copy: who does not read is taken out on the way.
    for (const session of isForAll ? [...this.#sessions.all()] : flush.own.keys()) {
      if (session !== newcomer) this.#fanOut.tell(session, flush, now);
    }
    // Who leaves is still sent what was said, and its answers; who is here is no longer its business.
    for (const [session, close] of farewells) {
      this.#fanOut.tell(session, flush, now, true);
      closeSocket(session.socket, close);
    }
  }

  get #hasOthers(): boolean {
    return this.#recorded.length + this.#volatile.size + this.#own.size + this.#farewells.size > 0;
  }

  /** Returns the stored frames; none when the storage refused, and then those who wait for them know. */
  #store(pending: readonly Pending[], now: number): readonly EncodedEntry[] {
    const time = this.#log.timeAt(now);
    const first = this.#log.head + 1;
    const entries = pending.map(({ parts }, index) => encoded(parts, time, first + index));
    const refs = pending.flatMap(({ origin }, index): StoredRef[] =>
      origin?.ref === undefined ? [] : [[origin.session, origin.ref, first + index]],
    );
    const answer = (index: number, frame: AckFrame | ErrorFrame): void => {
      const { origin, replies } = pending[index] ?? { replies: [] };
      const ref = origin?.named;
      for (const give of replies) give({ ...frame, ...(ref !== undefined && { ref }) });
    };
    try {
      let isCompacted = (): void => undefined;
      const rows = entries.map(({ text, to }) => ({ text, filtered: to !== undefined }));
      this.#log.append(rows, refs, time, this.#deduplication.keepAfter, () => {
        this.#state.write();
        isCompacted = this.#deduplication.compact(first + entries.length - 1, now);
      });
      isCompacted();
      if (this.#isStored) this.#stored += entries.length;
    } catch (error) {
      log("error", "append_failed", { reason: String(error) });
      this.#state.drop();
      for (const index of pending.keys()) answer(index, errorFrame({ code: "unavailable" }));
      return [];
    }
    this.#state.commit();
    this.#deduplication.remember(refs, now);
    for (const index of pending.keys()) answer(index, { type: "ack", offset: first + index });
    return entries;
  }

  #epochFrame(offset: number): string {
    return encodeFrame({ type: "position", position: this.#log.positionAt(offset), reason: "epoch" });
  }
}

function encoded(parts: EntryParts, time: number, offset: number | undefined): EncodedEntry {
  const { type, from, to } = parts;
  return { text: encodeEntry(parts, time, offset), type, from, ...(to && { to }) };
}
