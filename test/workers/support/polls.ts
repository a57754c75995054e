import type { PresenceFrame, ServerFrame, WelcomeFrame } from "../../../src/protocol/frames.ts";
import { randomKey } from "../../../src/protocol/ids.ts";
import { joinUrl, type JoinOptions } from "../../support/member.ts";
import { ORIGIN, request, uniqueAddress, type Serve } from "./rooms.ts";
import { post, type PostAnswer } from "./sse.ts";

/** How a test polls. */
export interface PollOptions extends JoinOptions {
  /** How many seconds to wait. @default 0 */
  readonly wait?: number;
  readonly signal?: AbortSignal;
  /** The handler of the requests. @default the Worker of wrangler.toml */
  readonly to?: Serve | undefined;
}

/** The answer to a poll. */
export interface PollAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The items of the frame, or the error. */
  readonly items: readonly ServerFrame[];
}

/** Sends one poll. */
export async function poll(
  room: string,
  { wait = 0, signal, to, ...join }: PollOptions = {},
): Promise<PollAnswer> {
  const url = new URL(
    joinUrl(ORIGIN, room, "/poll", { ...join, query: { wait: String(wait), ...join.query } }),
  );
  const init = { headers: join.headers ?? {}, ...(signal !== undefined && { signal }) };
  const response = await request(url.pathname + url.search, init, to);
  const body: unknown = await response.json();
  return {
    status: response.status,
    headers: response.headers,
    items: (Array.isArray(body) ? body : [body]) as ServerFrame[],
  };
}

/** A client that polls. Each poll continues from the last answer. */
export class Poller {
  readonly key = randomKey();
  /** Everything that was received, in order. */
  readonly all: ServerFrame[] = [];
  after: string | undefined;
  roster: string | undefined;
  readonly #room: string;
  readonly #options: PollOptions;
  readonly #headers = { "CF-Connecting-IP": uniqueAddress() };

  constructor(room: string, options: PollOptions = {}) {
    this.#room = room;
    this.#options = options;
  }

  /** Polls once. Returns the items without the position at their end. */
  async poll(options: PollOptions = {}): Promise<readonly ServerFrame[]> {
    const { status, items } = await this.send(options);
    if (status !== 200) throw new Error(`the poll was rejected: ${JSON.stringify(items)}`);
    this.take(items);
    return items.slice(0, -1);
  }

  /** Sends a poll. Its answer changes nothing. */
  send(options: PollOptions = {}): Promise<PollAnswer> {
    const { query: own, ...rest } = this.#options;
    const query = {
      ...own,
      ...(this.after !== undefined && { after: this.after }),
      ...(this.roster !== undefined && { roster: this.roster }),
      ...options.query,
    };
    const headers = { ...this.#headers, ...rest.headers, ...options.headers };
    return poll(this.#room, { key: this.key, ...rest, ...options, query, headers });
  }

  /** Takes an answer: the client continues from it. */
  take(items: readonly ServerFrame[]): void {
    this.all.push(...items);
    const last = items.at(-1);
    if (last?.type !== "position") throw new Error(`the answer ends with ${JSON.stringify(last)}`);
    this.after = last.position;
    this.roster =
      (items.findLast((frame) => "roster" in frame) as PresenceFrame | undefined)?.roster ?? this.roster;
  }

  get welcome(): WelcomeFrame {
    const welcome = this.all.find((frame) => frame.type === "welcome");
    if (welcome === undefined) throw new Error("not welcome yet: poll first");
    return welcome;
  }

  /** The offsets of the recorded messages and state changes, in the order of their arrival. */
  get offsets(): readonly number[] {
    return this.all.flatMap((frame) =>
      "offset" in frame && frame.type !== "ack" ? [frame.offset ?? []].flat() : [],
    );
  }

  post(acts: object, headers: Readonly<Record<string, string>> = {}): Promise<PostAnswer> {
    return post(this.#room, this.welcome, acts, headers, this.#options.to);
  }
}

/** A client that has polled once. */
export async function joinByPoll(room: string, options: PollOptions = {}): Promise<Poller> {
  const poller = new Poller(room, options);
  await poller.poll();
  return poller;
}
