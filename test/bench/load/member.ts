import { randomKey } from "../../support/rooms.ts";
import { SEEN_EVERY_CHARS, type Dialect, type Identity } from "../contenders/dialect.ts";
import { Line } from "../wire/line.ts";

/** Reads a text and returns how many messages are in it. */
export type TextReader = (bytes: Buffer, start: number, end: number) => number;

/** The options of a member. */
export interface MemberOptions {
  readonly port: number;
  readonly room: string;
  readonly dialect: Dialect;
  /** Its previous identity. @default a new member */
  readonly who?: Identity;
  readonly read: TextReader;
  /** Whether it keeps what it needs to resume, which takes parsing. @default no */
  readonly learns?: boolean;
  /** Called when the connection has ended, unless this process dropped it. */
  readonly onEnd?: (code: number) => void;
}

/** How long a join may take. */
const JOIN_TIMEOUT_MS = 60_000;

/** One connection in a room, with only what a load needs. */
export class Member {
  readonly who: Identity;
  /** Resolves with its welcome. */
  readonly ready: Promise<void>;
  readonly #options: MemberOptions;
  readonly #line: Line;
  readonly #isReady = Promise.withResolvers<void>();
  readonly #patience: ReturnType<typeof setTimeout>;
  #saidChars = 0;
  #lastRef = 0;
  #refusals = 0;
  #isWelcome = false;

  constructor(options: MemberOptions) {
    const { port, room, dialect, who = { key: randomKey() } } = options;
    this.#options = options;
    this.who = who;
    this.ready = this.#isReady.promise;
    this.ready.catch(() => undefined);
    this.#patience = setTimeout(() => this.#fail(`no welcome in ${JOIN_TIMEOUT_MS} ms`), JOIN_TIMEOUT_MS);
    this.#line = Line.dial(port, dialect.path(room, who), dialect.subprotocol, {
      open: () => this.#open(),
      text: (bytes, start, end) => this.#text(bytes, start, end),
      ended: (code) => {
        this.#fail(`the connection ended with ${code}`);
        options.onEnd?.(code);
      },
    });
  }

  /** How many of its messages were rejected. */
  get refusals(): number {
    return this.#refusals;
  }

  /** The bytes received over its socket, including frame headers. */
  get bytesRead(): number {
    return this.#line.bytesRead;
  }

  /** Publishes data that is given as JSON. */
  publish(json: string): void {
    this.#line.send(this.#options.dialect.publish(json, ++this.#lastRef));
  }

  /** Stops reading permanently. */
  stall(): void {
    this.#line.stall();
  }

  /** Drops the connection without notifying the server. */
  drop(): void {
    clearTimeout(this.#patience);
    this.#line.drop();
  }

  #open(): void {
    const { dialect } = this.#options;
    const hello = dialect.hello?.(this.who);
    if (hello !== undefined) this.#line.send(hello);
    if (dialect.isWelcome === undefined) this.#welcome();
  }

  #text(bytes: Buffer, start: number, end: number): void {
    const { read, learns, dialect } = this.#options;
    if (read(bytes, start, end) === 0) this.#note(bytes.toString("latin1", start, end));
    if (learns === true) dialect.learn?.(this.who, bytes.toString("latin1", start, end));
    const chars = this.#line.bytesOfText; // all texts in a benchmark are ASCII
    if (dialect.seen !== undefined && chars - this.#saidChars >= SEEN_EVERY_CHARS) {
      this.#saidChars = chars;
      this.#line.send(dialect.seen(chars));
    }
  }

  /** Handles a text that is not a message. */
  #note(text: string): void {
    const { dialect } = this.#options;
    if (!this.#isWelcome && dialect.isWelcome?.(text) === true) this.#welcome();
    if (dialect.isRefusal?.(text) === true) this.#refusals++;
    const answer = dialect.answer?.(text);
    if (answer !== undefined) this.#line.send(answer);
  }

  #welcome(): void {
    clearTimeout(this.#patience);
    this.#isWelcome = true;
    this.#isReady.resolve();
  }

  #fail(why: string): void {
    clearTimeout(this.#patience);
    this.#isReady.reject(new Error(`a member could not join: ${why}`));
  }
}
