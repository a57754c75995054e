import type { Histogram } from "./histogram.ts";

/** The deliveries of what was sent in a span of time. */
interface Timing {
  readonly latency: Histogram;
  readonly fromUs: number;
  untilUs: number;
}

/**
 * Counts what members are delivered, against what they should be: every message of their room, once, each sender's in
 * the order it was sent. Senders are numbered within their room, members over all rooms.
 */
export class Ledger {
  readonly #senders: number;
  /** The number of the message due next, by member and sender. */
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

  /** Notes that a message was published that so many members should have. */
  published(audience: number): void {
    this.#expected += audience;
  }

  /** Notes a delivery. Times are in microseconds. */
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

  /** Deliveries so far. */
  get deliveries(): number {
    return this.#delivered;
  }

  /** Deliveries that there should be. */
  get expected(): number {
    return this.#expected;
  }

  /** Whether everyone has everything. */
  get isComplete(): boolean {
    return this.#delivered >= this.#expected;
  }

  /**
   * Notes how long the deliveries take of what is sent from now on. They are noted whenever they come: an answer that
   * comes after the span must not make a server look fast.
   *
   * @returns ends the span
   */
  time(latency: Histogram, nowUs: () => number): () => void {
    const timing: Timing = { latency, fromUs: nowUs(), untilUs: Infinity };
    this.#timings.push(timing);
    return () => {
      timing.untilUs = nowUs();
    };
  }

  /**
   * What is wrong with what was delivered, in words; nothing when it is exact. Asked when nothing is on its way.
   *
   * @param mayLose whether the server may leave messages out
   */
  flaws(mayLose = false): string[] {
    const missing = this.#expected - this.#delivered;
    // What a later one of its sender overtook will not come; of the rest nobody knows.
    const late = missing - this.#skipped;
    const of = (count: number): string =>
      `${count.toLocaleString("en")} of ${this.#expected.toLocaleString("en")} deliveries`;
    const lost = mayLose
      ? missing > 0
        ? [`${of(missing)} were left out, as they may be`]
        : []
      : [
          ...(this.#skipped > 0 ? [`${of(this.#skipped)} were lost`] : []),
          ...(late > 0 ? [`${of(late)} had not come when waiting for them ended`] : []),
        ];
    return [
      ...lost,
      ...(late < 0 ? [`${of(-late)} were of nothing that was published`] : []),
      ...(this.#repeated > 0 ? [`${of(this.#repeated)} came twice or out of order`] : []),
    ];
  }
}
