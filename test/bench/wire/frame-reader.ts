/** Receives the payloads of a server's frames. A payload is part of a buffer that the reader reuses once the call returns. */
export interface FrameListener {
  /** A complete text or binary payload. */
  text(bytes: Buffer, start: number, end: number): void;
  /** A ping, which must be answered with its payload. */
  ping(payload: Buffer): void;
  /** A close frame with its code, or 1005 if it has none. */
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

/** Splits the bytes from a socket into frames. A server's frames are not masked. */
export class FrameReader {
  readonly #listener: FrameListener;
  /** The beginning of an incomplete frame. */
  #rest: Buffer | undefined;

  constructor(listener: FrameListener) {
    this.#listener = listener;
  }

  /** Reads the next chunk. The chunk can be overwritten afterwards, because the reader keeps only a copy. */
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

  /** Reads complete frames. Returns where the first incomplete frame begins. */
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
      throw new Error("the server sent a fragmented frame, which this reader does not support");
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
