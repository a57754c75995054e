import type { MessageFrame, ServerFrame } from "../../src/protocol/frames.ts";

/** The names of the frames a server may send. */
export type FrameType = ServerFrame["type"];

/** The frame with a given name. */
export type FrameOf<Type extends FrameType> = Extract<ServerFrame, { type: Type }>;

/** How long a test waits for what it expects. Long: it is only ever spent when the test fails. */
const PATIENCE_MS = 10_000;

interface Waiter {
  /** Is shown each frame as it comes, or `undefined` when something else has changed. */
  readonly offer: (frame: ServerFrame | undefined) => "waits" | "done" | "took";
  readonly fail: (why: string) => void;
}

/**
 * Everything one client received, in order.
 *
 * Nothing is ever lost from {@link all}. Beside it runs a queue of frames that no {@link take} has taken yet, so a test
 * can name what it expects, one frame after the other, without minding what else arrives in between.
 */
export class Inbox {
  /** Every frame so far; an array sent as one text frame counts as its items. */
  readonly all: ServerFrame[] = [];
  /** Every recorded message so far, taken or not. */
  readonly messages: MessageFrame[] = [];
  /** Every text frame so far, as it came: for what was sent together, and byte for byte. */
  readonly texts: string[] = [];
  /** What each of them counts in its window: UTF-16 units, or bytes where it was binary on the way. */
  readonly lengths: number[] = [];
  readonly #untaken: ServerFrame[] = [];
  readonly #waiters = new Set<Waiter>();
  #position = "";
  #end: string | undefined;

  /** The position a client would come back with: `<epoch>:<offset>`, or "" before the welcome. */
  get position(): string {
    return this.#position;
  }

  /**
   * Removes and returns the first frame of a type that no one has taken, waiting for it if need be. Others stay.
   *
   * Rejects after `timeoutMs`, or as soon as the connection has ended, and says what did arrive.
   *
   * @param type one type, or several of which any will do
   * @param where which of those frames; by default the first
   */
  take<Type extends FrameType>(
    type: Type | readonly Type[],
    where?: (frame: FrameOf<Type>) => boolean,
    timeoutMs = PATIENCE_MS,
  ): Promise<FrameOf<Type>> {
    const types: readonly string[] = typeof type === "string" ? [type] : type;
    const isWanted = (frame: ServerFrame): frame is FrameOf<Type> =>
      types.includes(frame.type) && (where === undefined || where(frame as FrameOf<Type>));
    const index = this.#untaken.findIndex(isWanted);
    if (index !== -1) return Promise.resolve(this.#untaken.splice(index, 1)[0] as FrameOf<Type>);
    const what = `no ${types.join(" or ")} frame${where === undefined ? "" : ` where ${source(where)}`}`;
    return this.#wait(what, timeoutMs, (frame, resolve) => {
      if (frame === undefined || !isWanted(frame)) return "waits";
      resolve(frame);
      return "took";
    });
  }

  /** Resolves once `claim` holds, now or after a later frame; it takes nothing. Rejects as {@link take} does. */
  async until(claim: (inbox: this) => boolean, timeoutMs = PATIENCE_MS): Promise<void> {
    if (claim(this)) return;
    await this.#wait<void>(`it did not come true that ${source(claim)}`, timeoutMs, (_frame, resolve) => {
      if (!claim(this)) return "waits";
      resolve();
      return "done";
    });
  }

  /** Adds a text frame; one that is not JSON ends the inbox. For transports. */
  receive(text: string, length = text.length): void {
    this.texts.push(text);
    this.lengths.push(length);
    let parsed: ServerFrame | ServerFrame[];
    try {
      parsed = JSON.parse(text) as ServerFrame | ServerFrame[];
    } catch {
      return this.end(`a frame that is not JSON came: ${abridge(text, 200)}`);
    }
    const frames = Array.isArray(parsed) ? parsed : [parsed];
    for (const frame of frames) this.#record(frame);
    for (const frame of frames) if (!this.#show(frame)) this.#untaken.push(frame);
  }

  /** Has everyone who waits look again: something beside the frames has changed. For transports. */
  recheck(): void {
    this.#show(undefined);
  }

  /** Declares that nothing will come any more: who still waits is told so. For transports. */
  end(why: string): void {
    this.#end ??= why;
    for (const waiter of this.#waiters) waiter.fail(why);
    this.#waiters.clear();
  }

  #record(frame: ServerFrame): void {
    this.all.push(frame);
    if (frame.type === "message" && frame.offset !== undefined) this.messages.push(frame);
    if (frame.type === "welcome" || frame.type === "position") this.#position = frame.position;
    else if (frame.type !== "ack" && "offset" in frame && frame.offset !== undefined) {
      this.#position = `${this.#position.split(":", 1)[0]}:${frame.offset}`;
    }
  }

  /** Shows a frame to those who wait, the longest first, until one takes it; tells whether one did. */
  #show(frame: ServerFrame | undefined): boolean {
    let isTaken = false;
    for (const waiter of this.#waiters) {
      const answer = waiter.offer(isTaken ? undefined : frame);
      if (answer !== "waits") this.#waiters.delete(waiter);
      if (answer === "took") isTaken = true;
    }
    return isTaken;
  }

  #wait<Found>(
    what: string,
    timeoutMs: number,
    offer: (frame: ServerFrame | undefined, resolve: (found: Found) => void) => "waits" | "done" | "took",
  ): Promise<Found> {
    const waitedAt = callers();
    const because = (why: string): Error => {
      const failure = new Error(`${what}: ${why}\n${this.#describe()}`);
      failure.stack = `Error: ${failure.message}\n${waitedAt}`;
      return failure;
    };
    if (this.#end !== undefined) return Promise.reject(because(this.#end));
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        offer: (frame) =>
          offer(frame, (found) => {
            clearTimeout(timer);
            resolve(found);
          }),
        fail: (why) => {
          clearTimeout(timer);
          reject(because(why));
        },
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        waiter.fail(`waited ${timeoutMs} ms`);
      }, timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  #describe(): string {
    const shown = this.all.slice(-MAX_SHOWN).map((frame) => `  ${abridge(JSON.stringify(frame), 200)}`);
    const hidden = this.all.length - shown.length;
    const lines = hidden > 0 ? [`  (${hidden} more)`, ...shown] : shown;
    return lines.length === 0 ? "nothing has arrived" : `what has arrived:\n${lines.join("\n")}`;
  }
}

/** How many frames an error lists. */
const MAX_SHOWN = 20;

/** The stack of whoever waits, from outside this file: the line of the test, not a timer's. */
function callers(): string {
  const lines = new Error().stack?.split("\n").slice(1) ?? [];
  return lines.filter((line) => !line.includes("/inbox.ts")).join("\n");
}

/** A predicate's own text says best what was expected. */
function source(predicate: (...args: never[]) => boolean): string {
  return abridge(String(predicate).replaceAll(/\s+/g, " "), 120);
}

function abridge(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
