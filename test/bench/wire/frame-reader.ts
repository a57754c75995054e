/** Takes what a server's frames carry: a part of a buffer that is the reader's again once this returns. */
export interface FrameListener {
  /** A whole text, or what is binary. */
  text(bytes: Buffer, start: number, end: number): void;
  /** A ping, which has to be answered with what it carries. */
  ping(payload: Buffer): void;
  /** A close frame with its code; 1005 where it has none. */
  close(code: number): void;
}

const FINAL = 0x80;
const OPCODE = 0x0f;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const LENGTH_16 = 126;
const NO_CODE = 1005;

/** Cuts what comes from a socket into frames. What a server sends is not masked. */
export class FrameReader {
  readonly #listener: FrameListener;
  /** The beginning of a frame whose end has not come. */
  #rest: Buffer | undefined;

  constructor(listener: FrameListener) {
    this.#listener = listener;
  }

  /** Reads on. The chunk may be overwritten afterwards: what is kept of it is a copy. */
  read(chunk: Buffer, start: number, end: number): void {
    if (this.#rest === undefined) {
      const read = this.#readFrames(chunk, start, end);
      if (read < end) this.#rest = Buffer.from(chunk.subarray(read, end));
      return;
    }
    const joined = Buffer.concat([this.#rest, chunk.subarray(start, end)]);
    const read = this.#readFrames(joined, 0, joined.length);
    this.#rest = read < joined.length ? joined.subarray(read) : undefined;
  }

  /** Reads whole frames; returns where the first that is not whole begins. */
  #readFrames(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (end - at >= 2) {
      const short = bytes[at + 1] ?? 0;
      const header = short < LENGTH_16 ? 2 : short === LENGTH_16 ? 4 : 10;
      if (end - at < header) break;
      const length =
        header === 2
          ? short
          : header === 4
            ? bytes.readUInt16BE(at + 2)
            : Number(bytes.readBigUInt64BE(at + 2));
      const payload = at + header;
      if (end - payload < length) break;
      this.#handle(bytes[at] ?? 0, bytes, payload, payload + length);
      at = payload + length;
    }
    return at;
  }

  #handle(first: number, bytes: Buffer, start: number, end: number): void {
    if ((first & FINAL) === 0)
      throw new Error("a server sent a frame in pieces, which this reader does not join");
    switch (first & OPCODE) {
      case TEXT:
      case BINARY:
        return this.#listener.text(bytes, start, end);
      case PING:
        return this.#listener.ping(Buffer.from(bytes.subarray(start, end)));
      case CLOSE:
        return this.#listener.close(end - start >= 2 ? bytes.readUInt16BE(start) : NO_CODE);
      case PONG:
        return;
      default:
        throw new Error(`a server sent a frame of type ${first & OPCODE}`);
    }
  }
}
