import { clampTime } from "../../protocol/durations.ts";
import type { AckFrame, HistoryFrame } from "../../protocol/frames.ts";
import { errorOfFullQueue, errorOfLostReply, type ParlorError } from "../error.ts";
import type { Settings } from "../options.ts";
import type { EncodedFrame } from "./encode.ts";

/**
 * A server remembers acts for at least ten minutes (rule A3). The client does not repeat an act that it first sent longer ago.
 * Half a minute is reserved for the network.
 */
const REPEATABLE_MS = 570_000;

/** Refs per millisecond. The highest possible ref is 9 × 10^15, which is a safe integer. */
const REFS_PER_MS = 1000;

/** The reply to an act that was not rejected. */
export type ActReply = AckFrame | HistoryFrame;

/** An act that has no ref yet. */
export interface NewAct extends EncodedFrame {
  /** Whether it is a presence act. Only the newest one is sent, and it may be repeated without limit. */
  readonly isPresence?: boolean;
  /** Whether it only reads. It may be repeated without limit, and its outcome is never unknown. */
  readonly isRead?: boolean;
  /** Called once with the reply, unless the act is rejected. */
  readonly resolve: (reply: ActReply) => void;
  readonly reject: (error: ParlorError) => void;
}

/** An act that waits for its reply. */
export interface Act extends NewAct {
  /** Positive, unique in the session once {@link PendingActs.begin} was called. */
  readonly ref: number;
}

interface Entry extends NewAct {
  ref: number;
  /** When it was first sent, in milliseconds of the caller's clock; `undefined` before that. */
  sentAt: number | undefined;
  /** Whether it is in flight, so that it is not sent now. */
  isSent: boolean;
}

/**
 * The acts without a reply, and which of them are to be sent. Pure: it owns neither clock nor connection.
 *
 * The server identifies an act by its session and `ref`, so a ref must never be used twice for one key, not even by a later
 * page. Otherwise the server would treat a new message as a repeated one, and drop it. So the first ref comes from a clock,
 * with a thousand refs per millisecond. A page that is reloaded starts above every ref of its earlier load, unless that
 * performed more than a thousand acts per millisecond. The clock is the server's, from the first welcome, because the
 * device's clock may be wrong by years, and may be set back between two loads.
 */
export class PendingActs {
  readonly #settings: Pick<Settings, "maxPendingActs" | "overflow">;
  /** By ref, ascending. Acts are sent in the order in which they were created. */
  readonly #entries = new Map<number, Entry>();
  #presence: Entry | undefined;
  #nextRef = 1;
  #hasBegun = false;

  constructor(settings: Pick<Settings, "maxPendingActs" | "overflow">) {
    this.#settings = settings;
  }

  /**
   * Sets the session's first ref. Only the first call counts, and nothing is sent before it.
   *
   * @param time the server's time, Unix milliseconds
   */
  begin(time: number): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    const base = clampTime(time > 0 ? time : 0) * REFS_PER_MS;
    const waiting = [...this.#entries.values()];
    this.#entries.clear();
    this.#nextRef += base;
    for (const entry of waiting) this.#entries.set((entry.ref += base), entry);
  }

  /**
   * Adds an act. A presence act replaces an earlier one, which is not settled. If too many acts are waiting, any other act is
   * rejected, or takes the place of the oldest act that was never sent.
   */
  add(act: NewAct): Act {
    const { isPresence } = act;
    const entry: Entry = { ...act, ref: this.#nextRef++, sentAt: undefined, isSent: false };
    const { maxPendingActs, overflow } = this.#settings;
    if (isPresence !== true && this.#entries.size >= maxPendingActs) {
      const dropped = overflow === "drop-oldest" ? this.#oldestUnsent() : undefined;
      const error = errorOfFullQueue(maxPendingActs, "acts");
      if (dropped === undefined) {
        act.reject(error);
        return entry;
      }
      this.refuse(dropped.ref, error);
    }
    this.#entries.set(entry.ref, entry);
    if (isPresence === true) {
      if (this.#presence !== undefined) this.#entries.delete(this.#presence.ref);
      this.#presence = entry;
    }
    return entry;
  }

  /**
   * The caller no longer waits for an act, for this reason. It is never sent again.
   *
   * @param onlyUnsent whether to leave an act alone that may have taken effect
   * @returns whether it may have taken effect
   */
  withdraw({ ref }: Act, reason: ParlorError, onlyUnsent = false): boolean {
    const { sentAt, isRead } = this.#entries.get(ref) ?? {};
    const isInDoubt = sentAt !== undefined && isRead !== true;
    if (!(isInDoubt && onlyUnsent)) this.refuse(ref, isInDoubt ? errorOfLostReply(ref) : reason);
    return isInDoubt;
  }

  /** The acts to send, in order. Rejects the acts that can no longer be repeated. */
  *unsent(now: number): Generator<Act> {
    for (const entry of this.#entries.values()) {
      const { ref, isPresence, isRead, sentAt = now, isSent } = entry;
      if (isSent) continue;
      if (isPresence || isRead || now - sentAt < REPEATABLE_MS) yield entry;
      else this.refuse(ref, errorOfLostReply(ref));
    }
  }

  /** Records that an act is in flight. */
  sent(ref: number, now: number): void {
    const entry = this.#entries.get(ref);
    if (entry === undefined) return;
    entry.isSent = true;
    entry.sentAt ??= now;
  }

  /** The act took effect. */
  acknowledge(ref: number, reply: ActReply): void {
    this.#remove(ref)?.resolve(reply);
  }

  /** The act will not be sent again. */
  refuse(ref: number, error: ParlorError): void {
    this.#remove(ref)?.reject(error);
  }

  /** The act must be sent again, with the same ref. */
  again(ref: number): void {
    const entry = this.#entries.get(ref);
    if (entry !== undefined) entry.isSent = false;
  }

  /** All acts without a reply must be sent again, because their connection is gone. */
  allAgain(): void {
    for (const ref of this.#entries.keys()) this.again(ref);
  }

  /** Rejects all acts, because the room is closed. */
  refuseAll(error: ParlorError): void {
    for (const ref of this.#entries.keys()) this.refuse(ref, error);
  }

  #oldestUnsent(): Entry | undefined {
    for (const entry of this.#entries.values()) {
      if (entry.isPresence !== true && entry.sentAt === undefined) return entry;
    }
    return undefined;
  }

  #remove(ref: number): Entry | undefined {
    const entry = this.#entries.get(ref);
    this.#entries.delete(ref);
    if (entry === this.#presence) this.#presence = undefined;
    return entry;
  }
}
