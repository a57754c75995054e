import type { EntryParts } from "../../protocol/messages.ts";
import { withField, type EncodedEntry } from "./flush-encoder.ts";

/** A sender may use this part of the space, so that one member with many keys does not displace all others. */
const SENDER_SHARE = 1 / 8;

/** The slots of one sender, in the order of their newest messages, and the space that they use. */
interface OfSender {
  readonly slots: Set<string>;
  chars: number;
}

/** A kept message. */
interface Kept {
  readonly from: string;
  /** Its frame, marked as kept. */
  readonly text: string;
  readonly chars: number;
}

/**
 * The newest volatile message of each member, event and key, for clients that join later (rule A11). It is only in memory, so
 * keeping a message costs no write, and a room that hibernates forgets all of them.
 *
 * Messages for some members are not kept. A request to a member, for example, must not arrive again.
 */
export class KeptVolatile {
  readonly #maxChars: number;
  readonly #isMember: (id: string) => boolean;
  /** By slot, in the order of their times. */
  readonly #kept = new Map<string, Kept>();
  readonly #senders = new Map<string, OfSender>();
  #chars = 0;
  /** The frames for joining clients; `undefined` if something has changed since they were last read. */
  #frames: readonly string[] | undefined;

  /**
   * @param maxChars the maximum characters of all kept messages, with their slots
   * @param isMember whether there is a member with this id. A sender may have left since it sent its message
   */
  constructor(maxChars: number, isMember: (id: string) => boolean) {
    this.#maxChars = maxChars;
    this.#isMember = isMember;
  }

  /**
   * Keeps volatile messages that are delivered now. Each replaces the older one of its slot.
   *
   * @param slots the slot of each message. A message of the room itself has none, and is not kept
   */
  keep(slots: Iterable<string | EntryParts>, entries: readonly EncodedEntry[]): void {
    let index = 0;
    for (const slot of slots) {
      const entry = entries[index++];
      if (typeof slot !== "string" || entry === undefined || entry.to !== undefined) continue;
      this.#remove(slot); // Also if the new message is not kept, because the old one is out of date.
      if (this.#isMember(entry.from)) this.#add(slot, entry);
    }
  }

  /** Forgets the messages of a member that has left. */
  forget(member: string): void {
    for (const slot of this.#senders.get(member)?.slots ?? []) this.#remove(slot);
  }

  /** The frames of the kept messages, in the order of their times. */
  get frames(): readonly string[] {
    return (this.#frames ??= Array.from(this.#kept.values(), ({ text }) => text));
  }

  #add(slot: string, { from, text: live }: EncodedEntry): void {
    const text = withField(live, "kept", "true");
    const chars = text.length + slot.length;
    const maxOfSender = this.#maxChars * SENDER_SHARE;
    if (chars > maxOfSender) return;
    let own = this.#senders.get(from);
    if (own === undefined) this.#senders.set(from, (own = { slots: new Set(), chars: 0 }));
    this.#kept.set(slot, { from, text, chars });
    own.slots.add(slot);
    own.chars += chars;
    this.#chars += chars;
    this.#frames = undefined;
    while (own.chars > maxOfSender) this.#removeFirst(own.slots);
    while (this.#chars > this.#maxChars) this.#removeFirst(this.#kept.keys());
  }

  #removeFirst(slots: Iterable<string>): void {
    for (const slot of slots) return this.#remove(slot);
  }

  #remove(slot: string): void {
    const kept = this.#kept.get(slot);
    if (kept === undefined) return;
    const { from, chars } = kept;
    this.#kept.delete(slot);
    this.#chars -= chars;
    this.#frames = undefined;
    const own = this.#senders.get(from);
    if (own === undefined) return;
    own.slots.delete(slot);
    own.chars -= chars;
    if (own.slots.size === 0) this.#senders.delete(from);
  }
}
