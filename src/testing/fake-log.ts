import { HISTORY_LIMIT, type HistoryFrame, type HistoryRequestFrame } from "../protocol/frames.ts";
import type { MessageFrame, StateFrame } from "../protocol/frames.ts";
import { randomEpoch } from "../protocol/ids.ts";
import { encodeEntry, isFor, type EntryParts, type Viewer } from "../protocol/messages.ts";
import { formatPosition, parsePosition, type UnrecoveredReason } from "../protocol/positions.ts";

/** A recorded message or state change. */
export interface LogEntry {
  readonly text: string;
  readonly frame: (MessageFrame | StateFrame) & { readonly offset: number };
}

/** The offset at which a joining client starts, and why. */
export interface Start {
  readonly offset: number;
  readonly recovered?: boolean;
  readonly reason?: UnrecoveredReason;
}

/** The recorded messages and state changes of a room, in memory, with the offsets of the acts that caused them. */
export class FakeLog {
  #epoch = randomEpoch();
  #entries: LogEntry[] = [];
  /** The offset of the last entry that was trimmed. */
  #base = 0;
  /** The offsets of acts, by session and ref. */
  readonly #acts = new Map<string, Map<number, number>>();

  get head(): number {
    return this.#base + this.#entries.length;
  }

  get frames(): readonly LogEntry["frame"][] {
    return this.#entries.map(({ frame }) => frame);
  }

  positionAt(offset: number): string {
    return formatPosition({ epoch: this.#epoch, offset });
  }

  append(parts: EntryParts, time: number): LogEntry {
    const text = encodeEntry(parts, time, this.head + 1);
    const entry = { text, frame: JSON.parse(text) as LogEntry["frame"] };
    this.#entries.push(entry);
    return entry;
  }

  /** Remembers an act that has taken effect. */
  remember(session: string, ref: number, offset: number): void {
    const offsets = this.#acts.get(session) ?? new Map<number, number>();
    this.#acts.set(session, offsets.set(ref, offset));
  }

  /** The offset of an act that has taken effect before. */
  offsetOf(session: string, ref: number): number | undefined {
    return this.#acts.get(session)?.get(ref);
  }

  /** The entries after an offset that a viewer may see. */
  after(offset: number, viewer: Viewer): readonly LogEntry[] {
    return this.#entries.filter(({ frame }) => frame.offset > offset && isFor(frame, viewer));
  }

  /** Decides from where a client continues: its position, or the newest messages if it has none (rules J6, P5). */
  startOf(after: string | undefined, rewind: number | undefined): Start {
    const offset = this.head;
    if (after === undefined) return { offset: Math.max(this.#base, offset - (rewind ?? 0)) };
    const position = parsePosition(after);
    if (position === undefined) return { recovered: false, offset, reason: "malformed" };
    if (position.epoch !== this.#epoch) return { recovered: false, offset, reason: "epoch" };
    if (position.offset > offset) return { recovered: false, offset, reason: "ahead" };
    if (position.offset < this.#base) return { recovered: false, offset, reason: "trimmed" };
    return { recovered: true, offset: position.offset };
  }

  /** Reads a page of messages (rule A8). */
  page(
    { after, before = Infinity, since = 0, until = Infinity, limit }: HistoryRequestFrame,
    viewer: Viewer,
  ): Omit<HistoryFrame, "type" | "ref"> {
    const isForward = after !== undefined || since > 0;
    const found = this.after(after ?? 0, viewer)
      .map(({ frame }) => frame)
      .filter((frame) => frame.type === "message")
      .filter(({ offset, time }) => offset < before && time >= since && time < until);
    const size = Math.min(limit, HISTORY_LIMIT.max);
    if (found.length <= size) return { messages: found, more: false };
    const next = (isForward ? found[size] : found.at(-size - 1))?.offset ?? 0;
    return isForward
      ? { messages: found.slice(0, size), more: true, next: next - 1 }
      : { messages: found.slice(-size), more: true, next: next + 1 };
  }

  /** Deletes everything that was recorded, as retention does. The offsets continue. */
  trim(): void {
    this.#base = this.head;
    this.#entries = [];
  }

  /** Begins another log, as a room does that has lost its memory. */
  begin(): void {
    this.#epoch = randomEpoch();
    this.#entries = [];
    this.#base = 0;
    this.#acts.clear();
  }
}
