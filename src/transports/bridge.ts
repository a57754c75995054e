import { CLOSE_CODES, mayComeBack, type CloseName } from "../protocol/close-codes.ts";
import { decodeBridgeFrame } from "../protocol/bridge-frames.ts";
import { encodeFrame } from "../protocol/encode.ts";
import { PING } from "../protocol/frames.ts";
import { isJsonObject, parseJson } from "../protocol/json.ts";
import { CLOSED_ID, HEARTBEAT, event, retry } from "./sse.ts";

/** The bounds of a stream; see the options of the same names with `sse` before them. */
export interface BridgeLimits {
  readonly sseHeartbeatMs: number;
  readonly sseRetryMs: number;
  readonly sseMaxAgeMs: number;
  readonly sseMaxFrames: number;
  readonly sseMaxBytes: number;
}

/** The room hears of what was read this often in a window: as often as it can use. */
const TOLD_PER_WINDOW = 4;

/**
 * Carries a room's frames from an internal WebSocket to a reader of Server-Sent Events. The Worker holds the stream,
 * so the room can sleep under it.
 *
 * A vanished reader is only seen at the next write (workerd 1.20261023), and not always through `cancel`: hence the
 * heartbeats, and hence a failed write, a cancelled stream and an aborted request all end the connection.
 */
export class Bridge {
  readonly #socket: WebSocket;
  readonly #limits: BridgeLimits;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #encoder = new TextEncoder();
  readonly #startedAt = Date.now();
  readonly #heartbeat: ReturnType<typeof setInterval>;
  #frames = 0;
  #chars = 0;
  /** Characters of the room's frames that the reader has taken, and of these how many the room was told of. */
  #seen = 0;
  #told = 0;
  /** How much the room sends before it must hear what was read; a room that does not say so does not ask. */
  #windowChars = Infinity;
  #isOver = false;

  private constructor(
    socket: WebSocket,
    writer: WritableStreamDefaultWriter<Uint8Array>,
    signal: AbortSignal,
    limits: BridgeLimits,
  ) {
    this.#socket = socket;
    this.#writer = writer;
    this.#limits = limits;
    this.#heartbeat = setInterval(() => void this.#beat(), limits.sseHeartbeatMs);
    signal.addEventListener("abort", () => this.#vanish());
    writer.closed.catch(() => this.#vanish());
    socket.addEventListener("message", ({ data }) => this.#forward(data));
    socket.addEventListener("close", ({ code, reason }) => this.#ended(code, reason));
    socket.addEventListener("error", () => this.#ended(1006, ""));
    socket.accept();
    // Spread over twice the time, so that a whole room does not come back at once.
    void this.#write(retry(limits.sseRetryMs * (1 + Math.random())));
    if (signal.aborted) this.#vanish(); // It went away while the room was asked.
  }

  /** Starts carrying; returns the stream to answer with. */
  static open(socket: WebSocket, signal: AbortSignal, limits: BridgeLimits): ReadableStream {
    const { readable, writable } = new IdentityTransformStream();
    new Bridge(socket, writable.getWriter(), signal, limits);
    return readable;
  }

  #forward(data: unknown): void {
    const frame = typeof data === "string" ? decodeBridgeFrame(data) : undefined;
    if (typeof data !== "string" || frame === undefined) return; // the platform's pong
    if (this.#frames++ === 0) this.#windowChars = windowOf(frame.text);
    void this.#carry(event(frame.text, frame.position), data.length);
    const { sseMaxFrames, sseMaxBytes } = this.#limits;
    if (this.#frames >= sseMaxFrames || this.#chars >= sseMaxBytes) this.#end("rotated");
  }

  /** Writes a frame, and tells the room once its reader has taken enough of them. */
  async #carry(text: string, chars: number): Promise<void> {
    if (!(await this.#write(text))) return;
    this.#seen += chars;
    if (this.#seen - this.#told < this.#windowChars / TOLD_PER_WINDOW) return;
    this.#told = this.#seen;
    this.#socket.send(JSON.stringify({ type: "seen", chars: this.#seen }));
  }

  async #beat(): Promise<void> {
    if (Date.now() - this.#startedAt >= this.#limits.sseMaxAgeMs) return this.#end("rotated");
    // The member counts as heard of only once its reader has taken what was written.
    if (await this.#write(HEARTBEAT)) this.#socket.send(PING);
  }

  /** Resolves once the reader has taken the text, with whether it did. */
  async #write(text: string): Promise<boolean> {
    if (this.#isOver) return false;
    this.#chars += text.length;
    try {
      await this.#writer.write(this.#encoder.encode(text));
      return !this.#isOver;
    } catch {
      this.#vanish();
      return false;
    }
  }

  /** The room ended the connection: the reader is told as a WebSocket would be. */
  #ended(code: number, reason: string): void {
    if (this.#isOver) return;
    if (code >= 4000) {
      const frame = encodeFrame({ type: "close", code, reason });
      void this.#write(event(frame, mayComeBack(code) ? undefined : CLOSED_ID));
    }
    this.#finish();
    this.#writer.close().catch(() => undefined);
  }

  /** The stream has had its share; its reader comes back and goes on. */
  #end(name: CloseName): void {
    const { code, text } = CLOSE_CODES[name];
    this.#ended(code, text);
    this.#closeSocket(code, text);
  }

  /** The reader is gone, or as good as gone: it did not say that it leaves. */
  #vanish(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#closeSocket(CLOSE_CODES.silent.code, CLOSE_CODES.silent.text);
    this.#writer.abort().catch(() => undefined);
  }

  #finish(): void {
    this.#isOver = true;
    clearInterval(this.#heartbeat);
  }

  #closeSocket(code: number, reason: string): void {
    try {
      this.#socket.close(code, reason);
    } catch {
      // It was closed already.
    }
  }
}

/** The window that a welcome tells. */
function windowOf(text: string): number {
  const welcome = parseJson(text, Infinity);
  const limits = isJsonObject(welcome) ? welcome["limits"] : undefined;
  const windowChars = isJsonObject(limits) ? limits["windowChars"] : undefined;
  return typeof windowChars === "number" ? windowChars : Infinity;
}
