import type { Welcomed } from "../../client/index.ts";
import { parsePosition } from "../../protocol/positions.ts";

/** Counts the missed messages that arrive after a reconnect. */
export class Recovery {
  readonly awayMs: number;
  /** Whether the room still had all missed messages. */
  readonly isWhole: boolean;
  readonly #head: number;
  #count = 0;

  /** @param welcome the welcome of the reconnect: whether all missed messages follow, and where the log ended */
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
   * Whether everything up to that end of the log has arrived. The position shows this. The messages do not, because
   * changes of the state and messages for other members are between them.
   */
  isOver(position: string | undefined): boolean {
    return (parsePosition(position ?? "")?.offset ?? 0) >= this.#head;
  }

  /** The number of messages that have arrived. */
  get count(): number {
    return this.#count;
  }
}
