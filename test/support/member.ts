import type { AckFrame, ErrorFrame, WelcomeFrame } from "../../src/protocol/frames.ts";
import type { Json } from "../../src/protocol/json.ts";
import type { Inbox } from "./inbox.ts";

/** How a test joins, over any transport. */
export interface JoinOptions {
  /** The client's key. @default none: the server draws one */
  key?: string;
  /** The position to continue from. */
  after?: string;
  /** The member's presence data. */
  presence?: Json;
  /** More query parameters; they win over those above. */
  query?: Readonly<Record<string, string>>;
  /** Request headers. A browser cannot set any on a WebSocket or an EventSource. */
  headers?: Readonly<Record<string, string>>;
}

/** What an act is answered with. */
export type Reply = AckFrame | ErrorFrame;

/** An act before it has a `ref`. */
export type Act = Readonly<Record<string, Json>> & { readonly type: string };

/** How a connection ended; 1006, as in a browser, if the server did not say. */
export interface Departure {
  readonly code: number;
  readonly reason: string;
}

/** A client in a room, over any transport: what a test of a promise needs to know of it. */
export abstract class Member implements AsyncDisposable {
  /** What it received. */
  readonly inbox: Inbox;
  /** Resolves when the connection has ended, whoever ended it. */
  abstract readonly closed: Promise<Departure>;
  #welcome: Promise<WelcomeFrame> | undefined;
  #lastRef = 0;

  constructor(inbox: Inbox) {
    this.inbox = inbox;
  }

  /** Resolves with the welcome frame, each time. Rejects if the connection ends without one. */
  welcome(): Promise<WelcomeFrame> {
    this.#welcome ??= this.inbox.take("welcome");
    return this.#welcome;
  }

  /** The client's key, its own or the server's. Known once welcome. */
  get key(): string {
    return this.#known().key;
  }

  /** The secret name of the session. Known once welcome. */
  get session(): string {
    return this.#known().session;
  }

  /** The public name of the member. Known once welcome. */
  get member(): string {
    return this.#known().member;
  }

  /** The position to come back with: that of the welcome, then of the last recorded message or position frame. */
  get position(): string {
    return this.inbox.position;
  }

  /**
   * Sends an act and resolves with its answer, an ack or an error.
   *
   * @param ref the act's number; by default the next one that this member has not used
   */
  act(act: Act, ref = this.#lastRef + 1): Promise<Reply> {
    this.#lastRef = Math.max(this.#lastRef, ref);
    return this.request({ ...act, ref });
  }

  /** Publishes a recorded message and resolves with its answer. */
  publish(event: string, data: Json, options: { readonly ref?: number } = {}): Promise<Reply> {
    return this.act({ type: "publish", event, data }, options.ref);
  }

  /** Leaves the connection as a client does that means to. */
  abstract close(): void;

  /** Drops the connection with no word to the server. */
  abstract vanish(): void;

  /** Sends an act that has a `ref`, and resolves with its answer. */
  protected abstract request(act: Act & { readonly ref: number }): Promise<Reply>;

  /** Drops the connection at the end of a test. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.vanish();
    await this.closed;
  }

  #known(): WelcomeFrame {
    const welcome = this.inbox.all.find((frame) => frame.type === "welcome");
    if (welcome === undefined) throw new Error("not welcome yet: await member.welcome() first");
    return welcome;
  }
}

/** The URL of a room, or of one of its parts such as `/events`. */
export function roomUrl(base: string, room: string, part = ""): string {
  return `${base}/rooms/${encodeURIComponent(room)}${part}`;
}

/** The URL that joins a room. */
export function joinUrl(base: string, room: string, part: string, options: JoinOptions): string {
  const url = new URL(roomUrl(base, room, part));
  const { key, after, presence, query = {} } = options;
  if (key !== undefined) url.searchParams.set("key", key);
  if (after !== undefined) url.searchParams.set("after", after);
  if (presence !== undefined) url.searchParams.set("presence", JSON.stringify(presence));
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}
