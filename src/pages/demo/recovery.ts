import type { Welcomed } from "../../client/index.ts";
import { parsePosition } from "../../protocol/positions.ts";

/** What was missed while the connection was away, counted as it comes. */
export class Recovery {
  readonly awayMs: number;
  /** Whether the room said that it still has all of it. */
  readonly #isPromised: boolean;
  readonly #from: number;
  readonly #head: number;
  #come = 0;
  #newest: number;

  /** @param welcome where the return begins, and where the log ended then */
  constructor(welcome: Pick<Welcomed, "recovered" | "position" | "head">, awayMs: number) {
    this.awayMs = awayMs;
    this.#isPromised = welcome.recovered === true;
    this.#from = parsePosition(welcome.position)?.offset ?? 0;
    this.#head = parsePosition(welcome.head)?.offset ?? 0;
    this.#newest = this.#from;
  }

  /** Counts a recorded message. */
  take(offset: number): void {
    if (offset <= this.#newest || offset > this.#head) return;
    this.#newest = offset;
    this.#come += 1;
  }

  /** Whether everything up to the log's end of then has come. */
  get isOver(): boolean {
    return this.#newest >= this.#head;
  }

  /** How many messages have come. */
  get count(): number {
    return this.#come;
  }

  /** Whether none is missing: counted, not believed. */
  get isWhole(): boolean {
    return this.#isPromised && this.isOver && this.#come === this.#head - this.#from;
  }
}
