import type { ServerFrame } from "../../protocol/frames.ts";
import type { Clock } from "../runtime/timers.ts";

/**
 * How long the stream may be silent while it owes the client's own message, in milliseconds. The server sends that message at
 * the same time as the reply to its POST. If only the reply arrives, a proxy holds the stream back, or the stream is dead.
 */
const OWED_MS = 5_000;

/** Detects a stream that does not deliver acts that the room has already stored. */
export class StreamDebt {
  readonly #clock: Pick<Clock, "startTimer">;
  readonly #onSilence: (silentMs: number) => void;
  /** The offset that the stream has reached. */
  #offset = 0;
  /** The offset of an act that has a reply, and that the stream owes; 0 if there is none. */
  #owed = 0;
  #stop: (() => void) | undefined;

  /** @param onSilence is called if nothing arrives for some time while the stream owes an act */
  constructor(clock: Pick<Clock, "startTimer">, onSilence: (silentMs: number) => void) {
    this.#clock = clock;
    this.#onSilence = onSilence;
  }

  /** Replies to acts arrived. */
  replied(frames: readonly ServerFrame[]): void {
    const owed = Math.max(0, ...frames.map((frame) => (frame.type === "ack" && frame.offset) || 0));
    if (owed <= this.#offset || this.#owed > 0) return;
    this.#owed = owed;
    this.active();
  }

  /** An event of the stream arrived, with the position after it. */
  received(position: string): void {
    const offset = Number(position.split(":")[1]);
    // The offset is lower if the room's log has begun again.
    if (offset >= this.#owed || offset < this.#offset) this.#owed = 0;
    if (offset >= 0) this.#offset = offset;
  }

  /** Bytes of the stream arrived. */
  active(): void {
    this.stop();
    if (this.#owed > 0) this.#stop = this.#clock.startTimer(() => this.#onSilence(OWED_MS), OWED_MS);
  }

  stop(): void {
    this.#stop?.();
  }
}
