import type { Welcomed } from "../../client/index.ts";
import { parsePosition } from "../../protocol/positions.ts";

/** What was missed while the connection was away, counted as it comes. */
export class Recovery {
  readonly awayMs: number;
  /** Whether the room still had everything. */
  readonly isWhole: boolean;
  readonly #head: number;
  #count = 0;

  /** @param welcome whether the return is one without a gap, and where the log ended then */
  constructor(welcome: Pick<Welcomed, "recovered" | "head">, awayMs: number) {
    this.awayMs = awayMs;
    this.isWhole = welcome.recovered === true;
    this.#head = parsePosition(welcome.head)?.offset ?? 0;
  }

  /** Counts a recorded message. */
  take(offset: number): void {
    if (offset <= this.#head) this.#count += 1;
  }

  /**
   * Whether everything up to the log's end of then has come. The position tells, and not the messages: there are
   * changes of the state between them, and messages for others.
   */
  isOver(position: string | undefined): boolean {
    return (parsePosition(position ?? "")?.offset ?? 0) >= this.#head;
  }

  /** How many messages have come. */
  get count(): number {
    return this.#count;
  }
}
