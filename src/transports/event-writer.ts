/** Text for the reader, and the number of the room's characters that it represents. */
interface Waiting {
  readonly text: string;
  readonly chars: number;
}

/**
 * The maximum bytes written at once. The runtime copies them, and keeps the copy until the reader has taken it, even if the
 * stream is aborted (workerd 1.20261117).
 */
const PART_BYTES = 16_384;

/** What the owner of an {@link EventWriter} learns about its reader. */
export interface EventWriterListener {
  /** The reader has taken a chunk, which represents this many of the room's characters. */
  onTaken(chars: number): void;
  /** The reader is gone. */
  onGone(): void;
}

/**
 * Writes a stream one chunk at a time: it encodes the next chunk only after the reader has taken the last one. A chunk
 * that the runtime holds cannot be taken back, so the rest waits here, where it can be dropped.
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

  /** Whether the reader has taken everything that was written. */
  get isIdle(): boolean {
    return !this.#isWriting;
  }

  write(text: string, chars = 0): void {
    if (this.#onEnd !== undefined || this.#isOver) return;
    this.#waiting.push({ text, chars });
    if (!this.#isWriting) void this.#run();
  }

  /** Ends the stream once the reader has taken everything. */
  end(onEnd: () => void): void {
    this.#onEnd = onEnd;
    if (!this.#isWriting) this.#close(onEnd);
  }

  /** Drops the waiting text and ends the stream. The runtime still holds the chunk that the reader has not taken. */
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
