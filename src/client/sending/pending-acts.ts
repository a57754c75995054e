import { clampTime } from "../../protocol/durations.ts";
import { ParlorError, errorOfFullQueue } from "../error.ts";
import type { EncodedFrame } from "./encode.ts";

/**
 * A server remembers acts for ten minutes at least (rule A3). One that was sent longer ago is not sent again; half a
 * minute is kept back for its way there.
 */
const REPEATABLE_MS = 570_000;

/** Refs per millisecond. The highest possible ref is 9 × 10^15, which is a safe integer. */
const REFS_PER_MS = 1000;

/** What the maker of an act says of it. */
export interface NewAct extends EncodedFrame {
  /** Only the newest act of a slot counts, and it may be repeated without limit. */
  readonly slot?: string;
  /** Told once, with the offset, for acts that have one. */
  readonly resolve: (offset: number | undefined) => void;
  readonly reject: (error: ParlorError) => void;
}

/** An act that waits for its answer. */
export interface Act extends NewAct {
  /** Positive, unique in the session once {@link PendingActs.begin} was called. */
  readonly ref: number;
}

interface Entry extends NewAct {
  ref: number;
  /** When it was first sent, in milliseconds of the caller's clock; `undefined` if it never was. */
  sentAt: number | undefined;
  /** Whether it is on its way, and not to be sent now. */
  isSent: boolean;
}

/**
 * The acts that are not answered yet, and which of them are to be sent. Pure: it owns neither clock nor connection.
 *
 * The session and `ref` of an act name it for ever, so refs may not be used twice: not within a room object, and not
 * by a later one that was given the same key, for then a new message would be taken for the repetition of an old one
 * and lost. So the first ref comes from a clock, with a thousand refs per millisecond. A page that is reloaded starts above
 * every ref of its earlier load, unless that acted more than a thousand times a millisecond. It is the server's clock, from
 * the first welcome, because the device's clock may be wrong by years, and may be set back between two loads.
 */
export class PendingActs {
  readonly #maxPending: number;
  /** By ref, ascending: the order in which they were made is that in which they go out. */
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

  /** The act in a slot that waits, if one does. */
  inSlot(slot: string): Act | undefined {
    return this.#slots.get(slot);
  }

  /**
   * Adds an act. An earlier act of the same slot is dropped and not answered. A full outbox rejects the act, unless it has
   * a slot.
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

  /** The acts to be sent, in order. Those that can no longer be repeated are rejected here. */
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
            "the reply was lost, and it is too late to ask for it again; the act may have taken effect",
            { ref },
          ),
        );
    }
  }

  /** Notes that an act is on its way. */
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

  /** The act is to be sent again, under the same ref. */
  again(ref: number): void {
    const entry = this.#entries.get(ref);
    if (entry !== undefined) entry.isSent = false;
  }

  /** Everything unanswered is to be sent again: the connection that it went by is gone. */
  allAgain(): void {
    for (const ref of this.#entries.keys()) this.again(ref);
  }

  /** Rejects everything: the room is closed. */
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
