import { clampTime } from "../../protocol/durations.ts";
import { ParlorError, errorOfFullQueue } from "../error.ts";
import type { EncodedFrame } from "./encode.ts";

/**
 * A server remembers acts for at least ten minutes (rule A3). The client does not repeat an act that it first sent longer ago.
 * Half a minute is reserved for the network.
 */
const REPEATABLE_MS = 570_000;

/** Refs per millisecond. The highest possible ref is 9 × 10^15, which is a safe integer. */
const REFS_PER_MS = 1000;

/** An act that has no ref yet. */
export interface NewAct extends EncodedFrame {
  /** Of the acts with the same slot only the newest is sent, and it may be repeated without limit. */
  readonly slot?: string;
  /** Called once, with the offset of a recorded act. */
  readonly resolve: (offset: number | undefined) => void;
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
  readonly #maxPending: number;
  /** By ref, ascending. Acts are sent in the order in which they were created. */
  readonly #entries = new Map<number, Entry>();
  /** The acts that have a slot, by slot. */
  readonly #slots = new Map<string, Entry>();
  #nextRef = 1;
  #hasBegun = false;

  constructor(maxPending: number) {
    this.#maxPending = maxPending;
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

  /** The waiting act of a slot; `undefined` if there is none. */
  inSlot(slot: string): Act | undefined {
    return this.#slots.get(slot);
  }

  /**
   * Adds an act. It replaces an earlier act of the same slot, which is not settled. If too many acts are waiting, the act is
   * rejected, unless it has a slot.
   */
  add(act: NewAct): void {
    const { slot } = act;
    if (slot === undefined && this.#entries.size >= this.#maxPending) {
      return act.reject(errorOfFullQueue(this.#maxPending, "acts"));
    }
    const entry: Entry = { ...act, ref: this.#nextRef++, sentAt: undefined, isSent: false };
    this.#entries.set(entry.ref, entry);
    if (slot === undefined) return;
    const older = this.#slots.get(slot);
    if (older !== undefined) this.#entries.delete(older.ref);
    this.#slots.set(slot, entry);
  }

  /** The acts to send, in order. Rejects the acts that can no longer be repeated. */
  *unsent(now: number): Generator<Act> {
    for (const entry of this.#entries.values()) {
      const { ref, slot, sentAt = now, isSent } = entry;
      if (isSent) continue;
      if (slot !== undefined || now - sentAt < REPEATABLE_MS) yield entry;
      else
        this.refuse(
          ref,
          new ParlorError(
            "outcome_unknown",
            "the reply was lost, and it is too late to repeat the act; it may have taken effect",
            { ref },
          ),
        );
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
  acknowledge(ref: number, offset: number | undefined): void {
    this.#remove(ref)?.resolve(offset);
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

  #remove(ref: number): Entry | undefined {
    const entry = this.#entries.get(ref);
    this.#entries.delete(ref);
    if (entry?.slot !== undefined) this.#slots.delete(entry.slot);
    return entry;
  }
}
