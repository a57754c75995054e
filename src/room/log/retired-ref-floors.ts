import { hashOf } from "./hash.ts";

/** A session, and the highest of its forgotten refs. */
export interface SessionFloor {
  readonly session: string;
  readonly ref: number;
}

/** A part of the filter: the bits of its sessions, and the highest of their minimum refs. */
export interface RetiredChunk {
  readonly bits: Uint8Array;
  readonly ref: number;
}

/** Stores the chunks. */
export interface RetiredChunks {
  /** Returns a chunk; `undefined` if it was never written. */
  read(index: number): RetiredChunk | undefined;
  write(index: number, chunk: RetiredChunk): void;
}

/** At most 4 MiB, in chunks of 8 KiB. A lookup reads one chunk. */
const CHUNKS = 512;
const CHUNK_BYTES = 8_192;
const CHUNK_BITS = CHUNK_BYTES * 8;

/**
 * Bits per session. After a million retired sessions, 5 in a million other sessions are mistaken for one of them. After
 * two million it is 440, after four million 20,000.
 */
const BITS = 8;

/**
 * Minimum refs in bounded space: a Bloom filter of sessions, with one minimum ref for all sessions of a chunk, the
 * highest. A session never gets less than its own minimum ref. A few other sessions are mistaken for retired ones.
 *
 * Each chunk has its own minimum ref, because a client may choose any ref. A client with a very high ref then affects
 * only the sessions of its chunk.
 */
export class RetiredRefFloors {
  readonly #chunks: RetiredChunks;

  constructor(chunks: RetiredChunks) {
    this.#chunks = chunks;
  }

  /** Adds sessions. Each chunk is written once, regardless of how many sessions it receives. */
  add(sessions: Iterable<SessionFloor>): void {
    const changed = new Map<number, RetiredChunk>();
    for (const { session, ref } of sessions) {
      const index = chunkOf(session);
      const chunk = changed.get(index) ?? this.#chunks.read(index);
      const bits = chunk?.bits ?? new Uint8Array(CHUNK_BYTES);
      for (const bit of bitsOf(session)) bits[bit >>> 3] = (bits[bit >>> 3] ?? 0) | (1 << (bit & 7));
      changed.set(index, { bits, ref: Math.max(ref, chunk?.ref ?? 0) });
    }
    for (const [index, chunk] of changed) this.#chunks.write(index, chunk);
  }

  /** The minimum ref of a session; 0 if it was certainly never added. */
  of(session: string): number {
    const chunk = this.#chunks.read(chunkOf(session));
    if (chunk === undefined) return 0;
    const { bits, ref } = chunk;
    return bitsOf(session).every((bit) => ((bits[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0) ? ref : 0;
  }
}

function chunkOf(session: string): number {
  return hashOf(session, 1) % CHUNKS;
}

function bitsOf(session: string): number[] {
  const [start, step] = [hashOf(session, 2), hashOf(session, 3) | 1];
  return Array.from({ length: BITS }, (_, index) => (start + index * (step >>> 0)) % CHUNK_BITS);
}
