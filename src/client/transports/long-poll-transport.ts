import type { CLOSE_CODES } from "../../protocol/close-codes.ts";
import type { ErrorFrame, ServerFrame } from "../../protocol/frames.ts";
import { MAX_POLL_WAIT_S } from "../../protocol/polls.ts";
import { recoveryOf } from "../recovery.ts";
import { realEnvironment } from "../runtime/environment.ts";
import type { Clock } from "../runtime/timers.ts";
import { pollUrl } from "./address.ts";
import { decodeServerText } from "./decode.ts";
import { HttpActs } from "./http-acts.ts";
import { readRefusal, retryAfterMsOf, type HttpReply } from "./http-replies.ts";
import type { Batch, Target, Transport, TransportEnd, TransportListener } from "./transport.ts";

// The compiler checks these against the table, which is not in the bundle.
const OVERLOADED: (typeof CLOSE_CODES)["overloaded"]["code"] = 4005;
const BAD_PROTOCOL: (typeof CLOSE_CODES)["bad_protocol"]["code"] = 4500;

/** The timeout of a poll, in milliseconds: its wait, and the time that a large response takes on a slow network. */
const POLL_TIMEOUT_MS = MAX_POLL_WAIT_S * 1_000 + 20_000;

/** The pause after a response without news, in milliseconds, if it arrived before the wait was over, as from a cache. */
const PAUSE_MS = 1_000;

/**
 * A connection that consists of polls. Each poll continues from the last response. Acts are sent by POST. It needs no stream, so
 * it works with a proxy that buffers responses, and with React Native's `fetch`.
 */
export class LongPollTransport implements Transport {
  readonly #target: Target;
  readonly #listener: TransportListener;
  readonly #acts: HttpActs;
  readonly #clock: Pick<Clock, "now" | "startTimer">;
  #isOver = false;

  constructor(
    target: Target,
    listener: TransportListener,
    fetch_: typeof fetch,
    clock: Pick<Clock, "now" | "startTimer"> = realEnvironment,
  ) {
    this.#target = target;
    this.#listener = listener;
    this.#clock = clock;
    this.#acts = new HttpActs(target, fetch_, clock, {
      onReplies: (frames) => listener.onFrames(frames),
      onReady: () => listener.onReady(),
      // The polls probably fail too, so the client reconnects, and repeats its acts.
      onFailure: (reason) => this.#end({ code: 1006, reason }),
    });
    void this.#run();
  }

  get isBusy(): boolean {
    return this.#acts.isBusy;
  }

  send(batch: Batch): void {
    void this.#acts.send(batch);
  }

  renew(token: string, authority: string): void {
    void this.#acts.renew(token, authority);
  }

  ping(): void {
    // A poll ends in time without pings.
  }

  leave(authority: string): Promise<void> {
    return this.#acts.leave(authority);
  }

  close(): void {
    this.#isOver = true;
    this.#acts.close();
  }

  async #run(): Promise<void> {
    let { after, roster } = this.#target;
    for (let isFirst = true; !this.#isOver; isFirst = false) {
      // Only the first poll brings presence data, and asks for old messages and the state.
      const target = isFirst
        ? this.#target
        : { ...this.#target, after, roster, presence: undefined, state: undefined };
      const startedAt = this.#clock.now();
      let reply: HttpReply;
      try {
        reply = await this.#acts.ask(
          pollUrl(target, MAX_POLL_WAIT_S),
          { cache: "no-store" },
          POLL_TIMEOUT_MS,
        );
      } catch (error) {
        return this.#end({ code: 1006, reason: String(error) });
      }
      if (this.#isOver) return;
      const frames = reply.status === 200 ? decodeServerText(reply.text) : [];
      const last = frames.at(-1);
      // A page of a proxy, for example, is not a response to a poll.
      if (last?.type !== "position") return this.#refused(reply, isFirst);
      after = last.position;
      roster = rosterAfter(frames) ?? roster;
      this.#listener.onFrames(frames);
      const close = frames.find((frame) => frame.type === "close");
      if (close !== undefined) return this.#end(close);
      if (frames.length === 1 && this.#clock.now() - startedAt < PAUSE_MS) await this.#pause();
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => void this.#clock.startTimer(resolve, PAUSE_MS));
  }

  /** Reports a rejection. Before the welcome, that is as a WebSocket would have: the error, then the close. */
  #refused(reply: HttpReply, isFirst: boolean): void {
    const error = readRefusal(reply);
    if (error === undefined) {
      const reason = `the server responded to a poll with status ${reply.status}`;
      return this.#end({ code: 1006, reason, retryMs: retryAfterMsOf(reply.retryAfter) });
    }
    if (isFirst) this.#listener.onFrames([error]);
    const code = closeCodeOf(error, reply.status);
    this.#end({ code, reason: error.message, retryMs: error.retryAfterMs });
  }

  #end(end: TransportEnd): void {
    if (this.#isOver) return;
    this.close(); // open POSTs too; the client repeats their acts
    this.#listener.onEnd(end);
  }
}

/** The name of the list of members after a response; `undefined` if the response does not change it. */
function rosterAfter(frames: readonly ServerFrame[]): string | undefined {
  let roster: string | undefined;
  for (const frame of frames)
    if (frame.type === "presence" || frame.type === "welcome") roster = frame.roster;
  return roster;
}

/** The close code for a rejected poll, from its error's recovery; for an error newer than this code, from its status. */
function closeCodeOf(error: ErrorFrame, status: number): number {
  const mayHelp = recoveryOf(error) !== "give up" || status === 429 || status >= 500;
  return mayHelp ? OVERLOADED : BAD_PROTOCOL;
}
