/** A text for the reader, and how many characters of the room's frames it represents. */
interface Waiting {
  readonly text: string;
  readonly chars: number;
}

/**
 * The maximum bytes of a write. The runtime copies them and keeps the copy until the reader has read it, even if the stream
 * is aborted (workerd 1.20261117).
 */
const PART_BYTES = 16_384;

/** Receives the events of an {@link EventWriter}. */
export interface EventWriterListener {
  /** The reader has read a chunk, which represents this many characters of the room's frames. */
  onTaken(chars: number): void;
  /** The reader has disconnected. */
  onGone(): void;
}

/**
 * Writes a stream one chunk at a time. It encodes a chunk only after the reader has read the previous one. A chunk that the
 * runtime holds cannot be withdrawn, so all later text waits here, where it can be dropped.
 */
export class EventWriter {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #listener: EventWriterListener;
  readonly #encoder = new TextEncoder();
  /** The size of a chunk in characters. A text is never split, so a longer text is a chunk by itself. */
  chunkChars = Infinity;
  #waiting: Waiting[] = [];
  #isWriting = false;
  #onEnd: (() => void) | undefined;
  #isOver = false;

  constructor(writer: WritableStreamDefaultWriter<Uint8Array>, listener: EventWriterListener) {
    this.#writer = writer;
    this.#listener = listener;
    writer.closed.catch(() => this.#lose());
  }

  /** Whether the reader has read everything that was written. */
  get isIdle(): boolean {
    return !this.#isWriting;
  }

  write(text: string, chars = 0): void {
    if (this.#onEnd !== undefined || this.#isOver) return;
    this.#waiting.push({ text, chars });
    if (!this.#isWriting) void this.#run();
  }

  /** Ends the stream after the reader has read everything. */
  end(onEnd: () => void): void {
    this.#onEnd = onEnd;
    if (!this.#isWriting) this.#close(onEnd);
  }

  /** Drops the waiting text and ends the stream. The runtime still holds the chunk that the reader has not read. */
  abort(): void {
    this.#isOver = true;
    this.#waiting = [];
    this.#writer.abort().catch(() => undefined);
  }

  async #run(): Promise<void> {
    this.#isWriting = true;
    try {
      while (this.#waiting.length > 0) {
        const { text, chars } = this.#nextChunk();
        const bytes = this.#encoder.encode(text);
        for (let at = 0; at < bytes.length; at += PART_BYTES) {
          await this.#writer.write(bytes.subarray(at, at + PART_BYTES));
          if (this.#isOver) return;
          this.#listener.onTaken(at + PART_BYTES < bytes.length ? 0 : chars);
        }
      }
    } catch {
      return this.#lose();
    }
    this.#isWriting = false;
    if (this.#onEnd !== undefined) this.#close(this.#onEnd);
  }

  #nextChunk(): Waiting {
    const waiting = this.#waiting;
    let [text, chars, count] = ["", 0, 0];
    for (const next of waiting) {
      if (count > 0 && text.length + next.text.length > this.chunkChars) break;
      text += next.text;
      chars += next.chars;
      count++;
    }
    this.#waiting = waiting.slice(count);
    return { text, chars };
  }

  #close(onEnd: () => void): void {
    this.#isOver = true;
    this.#writer.close().catch(() => undefined);
    onEnd();
  }

  #lose(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#waiting = [];
    this.#listener.onGone();
  }
}
