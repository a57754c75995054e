import type { CloseName } from "../../protocol/close-codes.ts";
import { encodeFrame, errorFrame } from "../../protocol/encode.ts";
import type { AckFrame, ErrorFrame } from "../../protocol/frames.ts";
import { encodeEntry, type EntryParts } from "../../protocol/messages.ts";
import { log } from "../../metrics/log.ts";
import type { Announcements } from "../presence/announcements.ts";
import type { Broadcast } from "./broadcast.ts";
import type { Deliveries } from "./deliveries.ts";
import type { FlushContents, EncodedEntry } from "./flush-encoder.ts";
import type { FlushReport } from "./flush-report.ts";
import type { Flush } from "./flush.ts";
import type { KeptVolatile } from "./kept-volatile.ts";
import { ReplyQueue } from "./reply-queue.ts";
import type { HistoryReply } from "../log/history-pages.ts";
import type { Log } from "../log/log.ts";
import type { Deduplication } from "../log/deduplication.ts";
import type { Waiting } from "./flush-schedule.ts";
import type { StoredRef } from "../log/segment-store.ts";
import { closeSocket, type Session, type Sessions } from "../connections/sessions.ts";
import type { State } from "../state/state.ts";

/** Sends the reply to an act: over its socket, or in the response to its POST. */
export type Reply = (frame: AckFrame | ErrorFrame | HistoryReply) => void;

/** The act that a recorded frame comes from. */
export interface Origin {
  readonly session: string;
  readonly ref: number | undefined;
  /** The ref as the client sent it. Replies repeat it. */
  readonly named: number | undefined;
}

/** A recorded frame that waits to be stored. */
interface Pending {
  readonly parts: EntryParts;
  readonly origin: Origin | undefined;
  /** More than one if a client repeats an act before the first copy is stored. */
  readonly replies: Reply[];
}

/** The collaborators of a flush. */
interface Collaborators {
  /** The name of the room. */
  readonly name: string;
  readonly log: Log;
  readonly deduplication: Deduplication;
  readonly state: State;
  readonly sessions: Sessions;
  readonly presence: Announcements;
  readonly deliveries: Deliveries;
  readonly broadcast: Broadcast;
  /** Absent if the kind keeps no volatile messages. */
  readonly keptVolatile: KeptVolatile | undefined;
}

/**
 * Everything that has happened and has not been sent yet. {@link send} turns it into one storage write and one frame per member.
 *
 * No client has received anything in here, and no offset is sent before it is stored.
 */
export class Outbox {
  readonly #room: Collaborators;
  /** The members that joined, changed and left. */
  readonly presence: Announcements;
  /** The frames for single connections. */
  readonly replies = new ReplyQueue();
  #recorded: Pending[] = [];
  /** By slot. A message without a slot is its own key. */
  #volatile = new Map<string | EntryParts, EntryParts>();
  #farewells = new Map<Session, CloseName>();
  /** Whether recorded frames are written to the storage. */
  readonly #isStored: boolean;
  /** Whether the epoch of a log in memory has been sent. A stored log has its epoch from the beginning. */
  #isEpochSent: boolean;

  constructor(isStored: boolean, room: Collaborators) {
    this.#isStored = isStored;
    this.#isEpochSent = isStored;
    this.presence = room.presence;
    this.#room = room;
  }

  /** Closes the connection of a session that has left the room, after its last flush. */
  farewell(session: Session, close: CloseName): void {
    this.#farewells.set(session, close);
  }

  /** The offset of the next frame that is recorded. */
  get nextOffset(): number {
    return this.#room.log.head + this.#recorded.length + 1;
  }

  /** Adds a reply to an act that waits to be stored. Returns whether there is such an act. */
  repeat(session: string, ref: number, reply: Reply): boolean {
    const twin = this.#recorded.find(({ origin }) => origin?.session === session && origin.ref === ref);
    twin?.replies.push(reply);
    return twin !== undefined;
  }

  /** Queues a recorded frame. The reply follows when the frame is stored, or when storing it has failed. */
  record(parts: EntryParts, origin?: Origin, reply?: Reply): void {
    this.#recorded.push({ parts, origin, replies: reply === undefined ? [] : [reply] });
  }

  /**
   * Queues a volatile message. It replaces an older message of its slot that has not been sent yet.
   *
   * @param slot messages with the same slot replace one another. Absent if this one replaces none
   */
  volatile(parts: EntryParts, slot: string | EntryParts = parts): void {
    this.#volatile.delete(slot); // The new message goes to the end of the order.
    this.#volatile.set(slot, parts);
  }

  /** Whether there is nothing to send. */
  get isEmpty(): boolean {
    return !this.#hasOthers && this.presence.isEmpty;
  }

  /** What waits to be sent. It decides how long the flush may be delayed. */
  get waiting(): Waiting {
    if (this.#recorded.length > 0) return this.#isStored ? "stored" : "other";
    const isOther = this.replies.size + this.#farewells.size > 0 || !this.presence.isEmpty;
    return this.#volatile.size > 0 && !isOther ? "volatile" : "other";
  }

  /** Ends a turn: sends everything, and reports on the whole turn. */
  flush(now: number): FlushReport {
    this.send(now);
    return this.#room.deliveries.takeReport();
  }

  /**
   * Stores the recorded frames, then sends everything to all connections. The report of the next {@link flush} covers it.
   *
   * While many members join, presence waits for more joins if there is nothing else to send.
   *
   * @param how `newcomer` is sent nothing, because its welcome follows. `moreCome` means that further members join in the same
   * turn, so presence waits for them
   */
  send(
    now: number,
    { newcomer, moreCome = false }: { readonly newcomer?: Session; readonly moreCome?: boolean } = {},
  ): void {
    const after = this.#room.log.head;
    if (this.isEmpty) return;
    const hasOthers = this.#hasOthers;
    const recorded = this.#store(now);
    const isPresenceDue = this.presence.isDue(this.#room.sessions.size, { hasOthers, moreCome }, now);
    if (!hasOthers && !isPresenceDue) return;
    const time = this.#room.log.timeAt(now);
    const volatile = Array.from(this.#volatile.values(), (parts) => encoded(parts, time, undefined));
    this.#room.keptVolatile?.keep(this.#volatile.keys(), volatile);
    const contents: FlushContents = {
      before: this.#isEpochSent ? undefined : this.#epochFrame(after),
      presence: isPresenceDue ? this.presence.take() : undefined,
      recorded,
      volatile,
    };
    const isAddressed = [...recorded, ...volatile].some(({ to }) => to !== undefined);
    const { position = "" } = this.#room.log;
    const own = this.replies.take();
    const flush: Flush = { contents, own, after, position, isAddressed, texts: new Map() };
    const farewells = this.#farewells;
    this.#volatile = new Map();
    this.#farewells = new Map();
    if (recorded.length > 0) this.#isEpochSent = true;
    const isForAll = recorded.length + volatile.length > 0 || isPresenceDue;
    const { sessions, broadcast } = this.#room;
    sessions.backlog.refresh();
    // A copy, because sending removes slow sessions. Sessions that have been removed may have replies too.
    for (const session of isForAll ? [...sessions.all()] : own.keys()) {
      if (session !== newcomer && sessions.has(session)) broadcast.send(session, flush, now);
    }
    // A member that leaves still receives messages and its replies, but no presence.
    for (const [session, close] of farewells) {
      broadcast.send(session, flush, now, true);
      closeSocket(session.socket, close);
    }
  }

  get #hasOthers(): boolean {
    return this.#recorded.length + this.#volatile.size + this.replies.size + this.#farewells.size > 0;
  }

  /** Stores the recorded frames, and replies to their acts. Returns the stored frames, or none if the storage has failed. */
  #store(now: number): readonly EncodedEntry[] {
    const pending = this.#recorded;
    if (pending.length === 0) return [];
    this.#recorded = [];
    const time = this.#room.log.timeAt(now);
    const first = this.#room.log.head + 1;
    const entries = pending.map(({ parts }, index) => encoded(parts, time, first + index));
    const refs = pending.flatMap(({ origin }, index): StoredRef[] =>
      origin?.ref === undefined ? [] : [[origin.session, origin.ref, first + index]],
    );
    try {
      let afterCommit = (): void => undefined;
      const rows = entries.map(({ text, to }) => ({ text, filtered: to !== undefined }));
      this.#room.log.append(rows, refs, time, this.#room.deduplication.keepAfter, () => {
        this.#room.state.write();
        afterCommit = this.#room.deduplication.compact(first + entries.length - 1, now);
      });
      afterCommit();
      if (this.#isStored) this.#room.deliveries.noteStored(entries.length);
    } catch (error) {
      log("append_failed", { room: this.#room.name, reason: String(error) });
      this.#room.state.drop();
      for (const act of pending) replyTo(act, errorFrame({ code: "unavailable" }));
      return [];
    }
    this.#room.state.commit();
    this.#room.deduplication.remember(refs, now);
    for (const [index, act] of pending.entries()) replyTo(act, { type: "ack", offset: first + index });
    return entries;
  }

  #epochFrame(offset: number): string {
    return encodeFrame({ type: "position", position: this.#room.log.positionAt(offset), reason: "epoch" });
  }
}

function replyTo({ origin, replies }: Pending, frame: AckFrame | ErrorFrame): void {
  const ref = origin?.named;
  for (const reply of replies) reply({ ...frame, ...(ref !== undefined && { ref }) });
}

function encoded(parts: EntryParts, time: number, offset: number | undefined): EncodedEntry {
  const { type, from, to } = parts;
  return { text: encodeEntry(parts, time, offset), type, from, ...(to && { to }) };
}
