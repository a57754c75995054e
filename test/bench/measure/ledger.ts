import type { Histogram } from "./histogram.ts";

/** The deliveries of messages that were sent in a span of time. */
interface Timing {
  readonly latency: Histogram;
  readonly fromUs: number;
  untilUs: number;
}

/**
 * Compares what members received with what they should receive: every message of their room, once, and each sender's
 * messages in order. Senders are numbered within their room, members across all rooms.
 */
export class Ledger {
  readonly #senders: number;
  /** The number of the next expected message, by member and sender. */
  readonly #due: Int32Array;
  #expected = 0;
  #delivered = 0;
  #skipped = 0;
  #repeated = 0;
  readonly #timings: Timing[] = [];

  constructor(members: number, senders: number) {
    this.#senders = senders;
    this.#due = new Int32Array(members * senders);
  }

  /** Records a published message that this many members should receive. */
  published(audience: number): void {
    this.#expected += audience;
  }

  /** Records a delivery. Times are in microseconds. */
  delivered(member: number, sender: number, number: number, sentUs: number, readUs: number): void {
    const index = member * this.#senders + sender;
    const due = this.#due[index] ?? 0;
    if (number < due) {
      this.#repeated++;
      return;
    }
    this.#skipped += number - due;
    this.#due[index] = number + 1;
    this.#delivered++;
    for (const { latency, fromUs, untilUs } of this.#timings) {
      if (sentUs >= fromUs && sentUs < untilUs) latency.add(readUs - sentUs);
    }
  }

  /** The number of deliveries so far. */
  get deliveries(): number {
    return this.#delivered;
  }

  /** The number of expected deliveries. */
  get expected(): number {
    return this.#expected;
  }

  /** Whether all members have received all messages. */
  get isComplete(): boolean {
    return this.#delivered >= this.#expected;
  }

  /**
   * Records the latency of messages that are sent from now on, even if they arrive after the span has ended. Otherwise late
   * deliveries would be left out and make a server look fast.
   *
   * @returns a function that ends the span
   */
  time(latency: Histogram, nowUs: () => number): () => void {
    const timing: Timing = { latency, fromUs: nowUs(), untilUs: Infinity };
    this.#timings.push(timing);
    return () => {
      timing.untilUs = nowUs();
    };
  }

  /**
   * What is wrong with the deliveries. Empty if they are exact. Call it when no message is in flight.
   *
   * @param mayLose whether the server is allowed to drop messages
   */
  flaws(mayLose = false): string[] {
    const missing = this.#expected - this.#delivered;
    // A message that was overtaken by a later one of its sender is lost. The others may only be late.
    const late = missing - this.#skipped;
    const of = (count: number): string =>
      `${count.toLocaleString("en")} of ${this.#expected.toLocaleString("en")} deliveries`;
    const lost = mayLose
      ? missing > 0
        ? [`${of(missing)} were dropped, which is allowed`]
        : []
      : [
          ...(this.#skipped > 0 ? [`${of(this.#skipped)} were lost`] : []),
          ...(late > 0 ? [`${of(late)} had not arrived before the timeout`] : []),
        ];
    return [
      ...lost,
      ...(late < 0 ? [`${of(-late)} were of messages that were never published`] : []),
      ...(this.#repeated > 0 ? [`${of(this.#repeated)} arrived twice or out of order`] : []),
    ];
  }
}
