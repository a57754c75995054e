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
  /** Additional query parameters. They override those above. */
  query?: Readonly<Record<string, string>>;
  /** Request headers. A browser cannot set any on a WebSocket or an EventSource. */
  headers?: Readonly<Record<string, string>>;
}

/** The reply to an act. */
export type Reply = AckFrame | ErrorFrame;

/** An act before it has a `ref`. */
export type Act = Readonly<Record<string, Json>> & { readonly type: string };

/** How a connection ended. The code is 1006, as in a browser, if the server sent none. */
export interface Departure {
  readonly code: number;
  readonly reason: string;
}

/** A client in a room over any transport, with what tests of the guarantees need. */
export abstract class Member implements AsyncDisposable {
  /** What the client received. */
  readonly inbox: Inbox;
  /** Resolves when the connection has ended, from either side. */
  abstract readonly closed: Promise<Departure>;
  #welcome: Promise<WelcomeFrame> | undefined;
  #lastRef = 0;

  constructor(inbox: Inbox) {
    this.inbox = inbox;
  }

  /** Resolves with the welcome frame on every call. Rejects if the connection ends without one. */
  welcome(): Promise<WelcomeFrame> {
    this.#welcome ??= this.inbox.take("welcome");
    return this.#welcome;
  }

  /** The key, drawn by the client or by the server. Known after the welcome. */
  get key(): string {
    return this.#known().key;
  }

  /** The secret session id. Known after the welcome. */
  get session(): string {
    return this.#known().session;
  }

  /** The public member id. Known after the welcome. */
  get member(): string {
    return this.#known().member;
  }

  /** The position to resume from: that of the welcome, then of the last recorded message or position frame. */
  get position(): string {
    return this.inbox.position;
  }

  /**
   * Sends an act and resolves with its reply, an ack or an error.
   *
   * @param ref the act's ref; by default the next one that this member has not used
   */
  act(act: Act, ref = this.#lastRef + 1): Promise<Reply> {
    this.#lastRef = Math.max(this.#lastRef, ref);
    return this.request({ ...act, ref });
  }

  /** Publishes a recorded message and resolves with its reply. */
  publish(event: string, data: Json, options: { readonly ref?: number } = {}): Promise<Reply> {
    return this.act({ type: "publish", event, data }, options.ref);
  }

  /** Closes the connection deliberately, like a client that leaves. */
  abstract close(): void;

  /** Drops the connection without notifying the server. */
  abstract vanish(): void;

  /** Sends an act with a `ref` and resolves with its reply. */
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
