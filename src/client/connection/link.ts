import { clampDelay } from "../../protocol/durations.ts";
import type { ServerFrame, WelcomeFrame } from "../../protocol/frames.ts";
import { Liveness } from "./liveness.ts";
import type { Clock, Timers } from "../runtime/timers.ts";
import type {
  Batch,
  Dialer,
  Target,
  Transport,
  TransportEnd,
  TransportListener,
  TransportName,
} from "../transports/transport.ts";

/** Receives the events of a link, until the link is closed. */
export interface LinkListener {
  onFrame(frame: ServerFrame): void;
  /** With the frames before, the client has reached this position. */
  onPosition(position: string): void;
  /** The client has read this much, in UTF-16 units or bytes. */
  onRead(chars: number): void;
  /** More can be sent. */
  onReady(): void;
  /** The connection ended. No event follows. */
  onEnd(end: TransportEnd): void;
  /** No data arrived for this long. The link is still open. */
  onSilence(silentMs: number): void;
}

/** The dependencies of a link. */
export interface LinkContext {
  readonly listener: LinkListener;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** A stream without data for this long is dead, in milliseconds. The server sends a comment every 25 s (rule S3). */
const SILENCE_MS = 60_000;

/** No server requests pings more often than this, in milliseconds. The smallest configurable interval is 5 s. */
const MIN_PING_MS = 1_000;

/** A connection with liveness checks. It reports events only until the room releases it. */
export class Link {
  readonly name: TransportName;
  /** Round trip of the last ping, or of the last POST over a transport without pings, in milliseconds. */
  rttMs: number | undefined;
  readonly #listener: LinkListener;
  readonly #clock: Clock;
  readonly #timers: Timers;
  #transport: Transport | undefined;
  #isOver = false;
  #authority = "";
  #liveness: Liveness | undefined;
  /** When the oldest ping or POST without a reply was sent. */
  #askedAt: number | undefined;

  constructor(name: TransportName, dialer: Dialer, target: Target, { listener, clock, timers }: LinkContext) {
    this.name = name;
    this.#listener = listener;
    this.#clock = clock;
    this.#timers = timers;
    const onEnd = (end: TransportEnd): void => {
      if (this.#isOver) return;
      this.release();
      listener.onEnd(end);
    };
    const transportListener = {
      onFrames: (...received: Parameters<TransportListener["onFrames"]>) => this.#receive(...received),
      onActive: () => this.#liveness?.active(clock.now()),
      onReady: () => {
        this.#answered();
        if (!this.#isOver) listener.onReady();
      },
      onEnd,
    };
    dialer(target, transportListener, () => !this.#isOver).then(
      (transport) => {
        this.#transport = transport;
        if (this.#isOver) transport.close(false);
      },
      (error: unknown) => onEnd({ code: 1006, reason: String(error) }),
    );
  }

  /** The last round trip, or the time since the oldest ping or POST without a reply if that is longer, in milliseconds. */
  get lagMs(): number | undefined {
    return this.#askedAt === undefined
      ? this.rttMs
      : Math.max(this.rttMs ?? 0, this.#clock.now() - this.#askedAt);
  }

  /** Whether a batch that is sent now would have to wait. */
  get isBusy(): boolean {
    return this.#transport?.isBusy === true;
  }

  /** Starts the liveness checks, with the values of the welcome. */
  welcomed({ session, key, try: attempt, pingIntervalMs }: WelcomeFrame, pingTimeoutMs: number): void {
    this.#authority = `${session}.${key}${attempt === undefined ? "" : `.${attempt}`}`;
    const rule = this.#hasPings
      ? { pingIntervalMs: Math.max(MIN_PING_MS, clampDelay(pingIntervalMs)), timeoutMs: pingTimeoutMs }
      : { pingIntervalMs: Infinity, timeoutMs: SILENCE_MS };
    this.#liveness = new Liveness(rule, this.#clock.now());
    this.#check();
  }

  /** The bytes of a frame, given as JSON text, on this connection; `undefined` if it is sent as this text. */
  sizeOf(text: string): number | undefined {
    return this.#transport?.sizeOf?.(text);
  }

  /** Sends acts. */
  send(batch: Omit<Batch, "authority">): void {
    if (!this.#hasPings) this.#asked();
    this.#transport?.send({ ...batch, authority: this.#authority });
    if (this.#liveness?.acted(this.#clock.now()) === true) this.#check();
  }

  /** Sends a new token, with which the connection continues. */
  renew(token: string): void {
    if (!this.#isOver) this.#transport?.renew(token, this.#authority);
  }

  /** Sends a ping now, because the connection may be dead. */
  ping(): void {
    if (this.#liveness === undefined || this.#isOver) return;
    if (this.#hasPings) this.#asked();
    this.#liveness.pinged(this.#clock.now());
    this.#transport?.ping();
    this.#check();
  }

  /** Ends the membership. Resolves when the room has processed it, or cannot be reached. */
  async leave(): Promise<void> {
    this.release();
    await this.#transport?.leave(this.#authority);
  }

  /** Detaches the connection without closing it. It reports no further events. */
  release(): void {
    this.#isOver = true;
    this.#timers.clear("liveness");
  }

  /** Closes the connection; `forGood` if the member also leaves. */
  close(forGood: boolean): void {
    this.release();
    this.#transport?.close(forGood);
  }

  #receive(frames: readonly ServerFrame[], position?: string, chars = 0): void {
    // Over SSE, frames may be replies to POSTs. Only the bytes of the stream prove that it is alive.
    if (this.name !== "sse") this.#liveness?.active(this.#clock.now());
    for (const frame of frames) {
      // A listener may close the link. The next connection then delivers the remaining frames.
      if (this.#isOver) return;
      if (frame.type === "pong") this.#answered();
      else this.#listener.onFrame(frame);
    }
    if (this.#isOver) return;
    if (position !== undefined) this.#listener.onPosition(position);
    this.#listener.onRead(chars);
  }

  /** Whether the client pings. The server sends keep-alives over the other transports. */
  get #hasPings(): boolean {
    return this.name === "websocket";
  }

  #asked(): void {
    this.#askedAt ??= this.#clock.now();
  }

  #answered(): void {
    if (this.#askedAt === undefined) return;
    this.rttMs = this.#clock.now() - this.#askedAt;
    this.#askedAt = undefined;
  }

  #check(): void {
    const verdict = this.#liveness?.check(this.#clock.now());
    if (verdict === "ping") this.ping();
    else if (verdict === "dead") this.#listener.onSilence(this.#liveness?.timeoutMs ?? 0);
    else if (verdict !== undefined) this.#timers.set("liveness", verdict, () => this.#check());
  }
}
