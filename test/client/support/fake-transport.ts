import type {
  Batch,
  Target,
  Transport,
  TransportListener,
  TransportName,
} from "../../../src/client/transports/transport.ts";
import type { ServerFrame, StateFrame, WelcomeFrame } from "../../../src/protocol/frames.ts";

/** What a client sent, parsed. */
export interface SentItem {
  readonly type: string;
  readonly ref?: number;
  readonly event?: string;
  readonly data?: unknown;
  readonly volatile?: boolean;
  readonly key?: string;
  readonly to?: readonly string[];
  readonly chars?: number;
  readonly limit?: number;
  readonly set?: Readonly<Record<string, unknown>>;
  readonly if?: Readonly<Record<string, number>>;
}

/** The epoch of the rooms behind fake transports. */
const EPOCH = "Zk3aB9";

/** The limits in their welcomes. */
export const LIMITS = {
  maxFrameBytes: 65_536,
  maxPresenceBytes: 1_024,
  messagesPerSecond: 60,
  messagesBurst: 120,
  bytesPerSecond: 65_536,
  bytesBurst: 262_144,
  windowChars: 262_144,
};

/** A position in that epoch. */
export function at(offset: number): string {
  return `${EPOCH}:${offset}`;
}

/** A welcome as a server writes it. */
export function welcomeFrame(fields: Partial<WelcomeFrame> = {}): WelcomeFrame {
  return {
    type: "welcome",
    protocol: 1,
    session: "sessionsessionsession1",
    key: "keykeykeykeykeykeykey1",
    member: "me",
    time: 1_790_000_000_000,
    history: "durable",
    position: at(0),
    head: fields.position ?? at(0),
    mode: "list",
    roster: "r0",
    count: 1,
    members: [{ id: "me" }],
    pingIntervalMs: 25_000,
    silenceTimeoutMs: 150_000,
    limits: LIMITS,
    ...fields,
  };
}

/** A recorded message as a server writes it; without an offset, a volatile one. */
export function messageFrame(
  offset: number | undefined,
  from = "ana",
  data: string | number = "hi",
): ServerFrame {
  return { type: "message", ...(offset !== undefined && { offset }), time: 1, from, event: "chat", data };
}

/** A change of the shared state as a server writes it. */
export function stateFrame(offset: number, fields: Partial<StateFrame>, from = "ana"): StateFrame {
  return { type: "state", offset, time: 1, from, ...fields };
}

/** A connection that delivers only what the test delivers. */
export class FakeTransport implements Transport {
  readonly name: TransportName;
  readonly target: Target;
  /** The frames sent, each as its items. */
  readonly frames: SentItem[][] = [];
  readonly authorities = new Set<string>();
  /** Every token that it was renewed with. */
  readonly tokens: string[] = [];
  pings = 0;
  isBusy = false;
  isClosed = false;
  /** Whether it was closed as a member that leaves. */
  isClosedForGood = false;
  isLeft = false;
  readonly #listener: TransportListener;
  readonly #whenLeft = Promise.withResolvers<void>();

  constructor(name: TransportName, target: Target, listener: TransportListener) {
    this.name = name;
    this.target = target;
    this.#listener = listener;
  }

  /** Everything sent so far, item by item. */
  get items(): SentItem[] {
    return this.frames.flat();
  }

  /** The refs of everything sent so far. */
  get refs(): number[] {
    return this.items.flatMap(({ ref }) => ref ?? []);
  }

  send({ text, authority }: Batch): void {
    this.frames.push([JSON.parse(text) as SentItem | SentItem[]].flat());
    this.authorities.add(authority);
  }

  renew(token: string): void {
    this.tokens.push(token);
  }

  ping(): void {
    this.pings++;
  }

  leave(): Promise<void> {
    this.isLeft = true;
    return this.#whenLeft.promise;
  }

  close(forGood: boolean): void {
    this.isClosed = true;
    this.isClosedForGood = forGood;
    this.#whenLeft.resolve();
  }

  /** The room has processed the leave. */
  confirmLeave(): void {
    this.#whenLeft.resolve();
  }

  /** Frames arrive together. */
  deliver(...frames: ServerFrame[]): void {
    this.#listener.onFrames(frames);
  }

  /** Text arrives that counts this many characters towards the window. */
  deliverText(chars: number, ...frames: ServerFrame[]): void {
    this.#listener.onFrames(frames, undefined, chars);
  }

  /** An event of a stream arrives. */
  deliverEvent(id: string, ...frames: ServerFrame[]): void {
    this.#listener.onFrames(frames, id);
  }

  /** Bytes arrive that are not a frame. */
  breathe(): void {
    this.#listener.onActive();
  }

  /** The reply to a request arrives. */
  ready(): void {
    this.isBusy = false;
    this.#listener.onReady();
  }

  welcome(fields: Partial<WelcomeFrame> = {}): void {
    this.deliver(welcomeFrame(fields));
  }

  /** Acts take effect. The first one has this offset. */
  ack(refs: readonly number[], offset = 1): void {
    this.deliver(...refs.map((ref, index): ServerFrame => ({ type: "ack", ref, offset: offset + index })));
  }

  /** The connection ends. */
  end(code = 1006, reason = "", retryMs?: number): void {
    this.#listener.onEnd({ code, reason, retryMs });
  }
}
