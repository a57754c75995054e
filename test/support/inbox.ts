import type { MessageFrame, ServerFrame } from "../../src/protocol/frames.ts";

/** The names of the frames a server may send. */
export type FrameType = ServerFrame["type"];

/** The frame with a given name. */
export type FrameOf<Type extends FrameType> = Extract<ServerFrame, { type: Type }>;

/** How long a test waits for what it expects. Generous, because the time only passes when the test fails. */
const PATIENCE_MS = 10_000;

interface Waiter {
  /** Receives each frame as it arrives, or `undefined` when something else has changed. */
  readonly offer: (frame: ServerFrame | undefined) => "waits" | "done" | "took";
  readonly fail: (why: string) => void;
}

/**
 * Everything one client received, in order.
 *
 * {@link all} keeps every frame. A separate queue holds the frames that no {@link take} has taken yet. A test can therefore
 * take the frames it expects one by one, whatever else arrives in between.
 */
export class Inbox {
  /** Every frame so far; an array sent as one text frame counts as its items. */
  readonly all: ServerFrame[] = [];
  /** Every recorded message so far, taken or not. */
  readonly messages: MessageFrame[] = [];
  /** Every text frame so far, unchanged: for tests of batching and of exact bytes. */
  readonly texts: string[] = [];
  /** The length of each text frame in the send window: in UTF-16 units, or in bytes if it was sent as binary. */
  readonly lengths: number[] = [];
  readonly #untaken: ServerFrame[] = [];
  readonly #waiters = new Set<Waiter>();
  #position = "";
  #end: string | undefined;

  /** The position that a client would resume from: `<epoch>:<offset>`, or "" before the welcome. */
  get position(): string {
    return this.#position;
  }

  /**
   * Removes and returns the first frame of a type that has not been taken yet. Waits for it if necessary. Others stay.
   *
   * Rejects after `timeoutMs` or as soon as the connection has ended. The error lists what has arrived.
   *
   * @param type one type, or a list of accepted types
   * @param where a condition for the frame; by default the first of the type
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

  /** Resolves once `claim` holds, now or after a later frame. It takes no frame. Rejects as {@link take} does. */
  async until(claim: (inbox: this) => boolean, timeoutMs = PATIENCE_MS): Promise<void> {
    if (claim(this)) return;
    await this.#wait<void>(`the condition was not met: ${source(claim)}`, timeoutMs, (_frame, resolve) => {
      if (!claim(this)) return "waits";
      resolve();
      return "done";
    });
  }

  /** Adds a text frame. A frame that is not JSON ends the inbox. For transports. */
  receive(text: string, length = text.length): void {
    this.texts.push(text);
    this.lengths.push(length);
    let parsed: ServerFrame | ServerFrame[];
    try {
      parsed = JSON.parse(text) as ServerFrame | ServerFrame[];
    } catch {
      return this.end(`received a frame that is not JSON: ${abridge(text, 200)}`);
    }
    const frames = Array.isArray(parsed) ? parsed : [parsed];
    for (const frame of frames) this.#record(frame);
    for (const frame of frames) if (!this.#show(frame)) this.#untaken.push(frame);
  }

  /** Evaluates all waiting conditions again, because something besides the frames has changed. For transports. */
  recheck(): void {
    this.#show(undefined);
  }

  /** Ends the inbox: nothing more will arrive, so everything that still waits is rejected. For transports. */
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

  /** Offers a frame to the waiters, in the order they began to wait, until one takes it. Returns whether one did. */
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

/** The caller's stack outside this file, so that an error shows the line of the test and not of a timer. */
function callers(): string {
  const lines = new Error().stack?.split("\n").slice(1) ?? [];
  return lines.filter((line) => !line.includes("/inbox.ts")).join("\n");
}

/** The source of a condition, which describes best what was expected. */
function source(predicate: (...args: never[]) => boolean): string {
  return abridge(String(predicate).replaceAll(/\s+/g, " "), 120);
}

function abridge(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
