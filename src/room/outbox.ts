import type { CloseName } from "../protocol/close-codes.ts";
import { encodeFrame, errorFrame } from "../protocol/encode.ts";
import type { AnswerFrame, LeaveReason } from "../protocol/frames.ts";
import { encodeMessage, type MessageParts } from "../protocol/messages.ts";
import { log } from "../metrics/log.ts";
import { DIALECTS, encodeShared, type Dialect, type FlushContents } from "./dialects.ts";
import type { Log, StoredRef } from "./log.ts";
import type { Once } from "./once.ts";
import { memberEntry, type Member, type Members } from "./members.ts";
import { closeSocket, type Session, type Sessions } from "./sessions.ts";

/** Takes the answer to an act: to its socket, or into the answer of its POST. */
export type Answer = (frame: AnswerFrame) => void;

/** A recorded message that waits to be stored. */
interface Pending {
  readonly parts: MessageParts;
  readonly session: string;
  readonly ref: number | undefined;
  /** More than one when an act is repeated before its first copy is stored. */
  readonly answers: Answer[];
}

/**
 * What has happened and has not been told yet. {@link flush} makes it one storage write and one frame per member.
 *
 * Nothing in here has been seen by anyone, and no offset is given before the flush that stores it.
 */
export class Outbox {
  readonly #log: Log;
  readonly #once: Once;
  readonly #sessions: Sessions;
  readonly #members: Members;
  readonly #maxBufferedBytes: number;
  #joined: Member[] = [];
  #updated = new Map<string, Member>();
  #recorded: Pending[] = [];
  #volatile: string[] = [];
  #left: { id: string; reason: LeaveReason }[] = [];
  #own = new Map<Session, string[]>();
  #farewells = new Map<Session, CloseName>();
  #slow: Session[] = [];

  constructor(
    maxBufferedBytes: number,
    room: {
      readonly log: Log;
      readonly once: Once;
      readonly sessions: Sessions;
      readonly members: Members;
    },
  ) {
    this.#maxBufferedBytes = maxBufferedBytes;
    this.#members = room.members;
    this.#log = room.log;
    this.#once = room.once;
    this.#sessions = room.sessions;
  }

  /** Announces a member who was not here before; the newcomer itself reads of it in its welcome. */
  joined(member: Member): void {
    this.#joined.push(member);
  }

  /** Announces what a member says of itself; the newest word of a flush wins. */
  updated(member: Member): void {
    this.#updated.set(member.id, member);
  }

  /** Announces a departure. */
  left(id: string, reason: LeaveReason): void {
    this.#left.push({ id, reason });
  }

  /** Closes the connection of a session that is no longer in the room, after the flush that tells it the last. */
  farewell(session: Session, close: CloseName): void {
    this.#farewells.set(session, close);
  }

  /** Queues a recorded message. It is answered once it is stored, or when it could not be. */
  record(pending: Omit<Pending, "answers">, answer: Answer): void {
    const twin =
      pending.ref === undefined
        ? undefined
        : this.#recorded.find(({ session, ref }) => session === pending.session && ref === pending.ref);
    if (twin !== undefined) twin.answers.push(answer);
    else this.#recorded.push({ ...pending, answers: [answer] });
  }

  /** Queues a volatile message. */
  volatile(parts: MessageParts, now: number): void {
    this.#volatile.push(encodeMessage(parts, this.#log.timeAt(now), undefined));
  }

  /** Queues a frame for one connection, behind what the flush has for all. */
  reply(session: Session, frame: AnswerFrame): void {
    const texts = this.#own.get(session);
    if (texts === undefined) this.#own.set(session, [encodeFrame(frame)]);
    else texts.push(encodeFrame(frame));
  }

  /**
   * Stores what is recorded, then tells everyone everything. Leaves nothing behind.
   *
   * @param newcomer is told nothing: its welcome, which follows, says it all
   */
  flush(now: number, newcomer?: Session): void {
    if (this.#isEmpty()) return;
    const recorded = this.#recorded.length === 0 ? [] : this.#store(this.#recorded, now);
    const contents: FlushContents = {
      joined: this.#joined.map(memberEntry),
      updated: Array.from(this.#updated.values(), memberEntry),
      recorded,
      volatile: this.#volatile,
      left: this.#left,
      count: this.#members.size,
    };
    const [own, farewells] = [this.#own, this.#farewells];
    this.#joined = [];
    this.#updated = new Map();
    this.#recorded = [];
    this.#volatile = [];
    this.#left = [];
    this.#own = new Map();
    this.#farewells = new Map();
    for (const session of this.#sessions.all()) {
      if (bufferedBytes(session.socket) > this.#maxBufferedBytes) this.#cutOff(session);
    }
    this.#send(
      contents,
      own,
      [...this.#sessions.all()].filter((session) => session !== newcomer),
    );
    // Who leaves is still sent what was said, and its answers; who is here is no longer its business.
    this.#send({ ...contents, joined: [], updated: [], left: [] }, own, [...farewells.keys()]);
    for (const [{ socket }, close] of farewells) closeSocket(socket, close);
  }

  /** The sessions cut off since the last call: their members' grace is for the caller to begin. */
  takeSlow(): readonly Session[] {
    const slow = this.#slow;
    this.#slow = [];
    return slow;
  }

  /** Ends a connection that does not read, before anything more is queued for it: it resumes by its position. */
  #cutOff(session: Session): void {
    this.#sessions.close(session, "slow");
    this.#slow.push(session);
  }

  #isEmpty(): boolean {
    const lists = [this.#joined, this.#recorded, this.#volatile, this.#left];
    const maps = [this.#updated, this.#own, this.#farewells];
    return lists.every(({ length }) => length === 0) && maps.every(({ size }) => size === 0);
  }

  /** Returns the stored messages' frames; none when the storage refused, and then their publishers know. */
  #store(pending: readonly Pending[], now: number): readonly string[] {
    const time = this.#log.timeAt(now);
    const first = this.#log.head + 1;
    const texts = pending.map(({ parts }, index) => encodeMessage(parts, time, first + index));
    const refs = pending.flatMap(({ session, ref }, index): StoredRef[] =>
      ref === undefined ? [] : [[session, ref, first + index]],
    );
    try {
      this.#log.append(texts, refs, time, this.#once.keep(now));
    } catch (error) {
      log("error", "append_failed", { reason: String(error) });
      for (const { ref, answers } of pending) {
        for (const answer of answers)
          answer(errorFrame({ code: "unavailable", ...(ref !== undefined && { ref }) }));
      }
      return [];
    }
    this.#once.remember(refs, now);
    for (const [index, { ref, answers }] of pending.entries()) {
      for (const answer of answers) {
        answer({ type: "ack", ...(ref !== undefined && { ref }), offset: first + index });
      }
    }
    return texts;
  }

  #send(contents: FlushContents, own: ReadonlyMap<Session, readonly string[]>, to: readonly Session[]): void {
    const position = this.#log.position ?? "";
    const views = new Map<string, SharedText>();
    for (const session of to) {
      const { dialect, mode } = session.record;
      let shared = views.get(`${dialect} ${mode}`);
      if (shared === undefined) {
        shared = sharedText(encodeShared(contents, mode), DIALECTS[dialect], position);
        views.set(`${dialect} ${mode}`, shared);
      }
      const mine = own.get(session);
      if (mine !== undefined) {
        const items = shared.count === 0 ? mine.join(",") : `${shared.items},${mine.join(",")}`;
        deliver(session, DIALECTS[dialect](items, shared.count + mine.length === 1, position));
      } else if (shared.count > 0) deliver(session, shared.text);
    }
  }
}

/** What waits to be read by a socket's peer, in bytes; 0 where the runtime does not tell (before 2026-11-17). */
function bufferedBytes(socket: WebSocket): number {
  const { bufferedAmount } = socket as { readonly bufferedAmount?: unknown };
  return typeof bufferedAmount === "number" ? bufferedAmount : 0;
}

/** What every connection of one dialect and view is sent, and the items it is made of. */
interface SharedText {
  readonly items: string;
  readonly count: number;
  readonly text: string;
}

function sharedText(texts: readonly string[], dialect: Dialect, position: string): SharedText {
  const items = texts.join(",");
  return { items, count: texts.length, text: dialect(items, texts.length === 1, position) };
}

/** Sends text to a connection. One that is closing is passed over: its close event follows. */
export function deliver(session: Session, text: string): void {
  try {
    session.socket.send(text);
  } catch {
    // Closed under our hands: webSocketClose tells the others.
  }
}
