import { ParlorError, type Published, type SetOptions } from "../../client/index.ts";
import type { SharedChange, SharedValue } from "../../client/index.ts";
import { byId, setText } from "./dom.ts";

/** The part of a visit that the counter needs. */
export interface Sharer {
  readonly self: string | undefined;
  readonly shared: ReadonlyMap<string, SharedValue>;
  set(values: Readonly<Record<string, unknown>>, options: SetOptions): Promise<Published>;
}

/** The key of the room's state that holds the count. */
const KEY = "count";

/**
 * A number that all members can increase and decrease. It is a key of the room's state, and each press is a
 * compare-and-set. If two presses conflict, the room accepts one, and the page retries the other with the new number.
 */
export class Tally {
  readonly #sharer: Sharer;
  readonly #count = byId("tally", HTMLOutputElement);
  readonly #note = byId("tally-note", HTMLElement);
  /** Presses that are not in the room's number yet, and how many of them have been sent. */
  #presses = 0;
  #sent = 0;
  /** Presses that were retried, because another member's press came first. */
  #crossed = 0;
  #isSettling = false;
  #change = Promise.withResolvers<void>();

  constructor(sharer: Sharer) {
    this.#sharer = sharer;
    byId("tally-less", HTMLButtonElement).addEventListener("click", () => this.#press(-1));
    byId("tally-more", HTMLButtonElement).addEventListener("click", () => this.#press(1));
  }

  /** Shows the current number, after a join or a change. */
  update(): void {
    this.#show();
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  /** Handles a change of the room's state. */
  receive({ keys, from }: SharedChange): void {
    if (!keys.includes(KEY)) return;
    if (from === this.#sharer.self) this.#arrived();
    this.update();
  }

  #press(by: 1 | -1): void {
    this.#presses += by;
    this.#show();
    if (!this.#isSettling) void this.#settle();
  }

  async #settle(): Promise<void> {
    this.#isSettling = true;
    let known = this.#sharer.shared.get(KEY);
    while (this.#presses !== 0) {
      this.#sent = this.#presses;
      const values = { [KEY]: numberOf(known) + this.#sent };
      try {
        const { offset } = await this.#sharer.set(values, { if: { [KEY]: known?.version } });
        known = await this.#knownAt(offset);
        this.#arrived();
      } catch (error) {
        const version = error instanceof ParlorError ? error.versions?.[KEY] : undefined;
        if (version === undefined) this.#presses = 0;
        else this.#crossed += 1;
        // A room that does not store its state may have lost the number while it slept.
        known = version === 0 ? undefined : await this.#knownAt(version ?? 0);
      }
      this.#show();
    }
    this.#isSettling = false;
  }

  /** Waits until this page has received the number as of an offset. Over SSE and long-poll a reply may arrive before the change. */
  async #knownAt(offset: number): Promise<SharedValue | undefined> {
    let known = this.#sharer.shared.get(KEY);
    while ((known?.version ?? 0) < offset) {
      await this.#change.promise;
      known = this.#sharer.shared.get(KEY);
    }
    return known;
  }

  /** The room's number contains the presses that were sent. */
  #arrived(): void {
    this.#presses -= this.#sent;
    this.#sent = 0;
  }

  #show(): void {
    const known = this.#sharer.shared.get(KEY);
    setText(this.#count, String(numberOf(known) + this.#presses));
    this.#count.toggleAttribute("data-pending", this.#presses !== 0);
    const version = known === undefined ? "Not changed yet" : `Version ${known.version}`;
    const crossed = this.#crossed === 0 ? "" : ` · ${this.#crossed.toLocaleString()} retried`;
    setText(this.#note, `${version}${crossed}`);
  }
}

/** Reads the number from a value that any client may have set. */
function numberOf(known: SharedValue | undefined): number {
  return typeof known?.value === "number" && Number.isSafeInteger(known.value) ? known.value : 0;
}
