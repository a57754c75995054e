import { CLOSE_CODES, mayReconnect, type CloseName } from "../protocol/close-codes.ts";
import { decodeBridgeFrame } from "../protocol/bridge-frames.ts";
import { encodeFrame } from "../protocol/encode.ts";
import { PING } from "../protocol/frames.ts";
import { isJsonObject, parseJson } from "../protocol/json.ts";
import { EventWriter } from "./event-writer.ts";
import { CLOSED_ID, HEARTBEAT, event, retry } from "./sse.ts";

/** The limits of a stream, from the options with the same names. */
export interface BridgeLimits {
  readonly sseHeartbeatMs: number;
  readonly sseRetryMs: number;
  readonly sseMaxAgeMs: number;
  readonly sseMaxFrames: number;
  readonly sseMaxBytes: number;
}

/** The request that a stream responds to. */
export interface StreamRequest {
  readonly signal: AbortSignal;
  /**
   * Ends the request and its response at once, even if the reader has not taken everything (`ExecutionContext.abort`).
   * Nothing after the call runs.
   */
  readonly abort: (reason: Error) => void;
  /** The stream's place among the streams of its source, if they are counted. */
  readonly place: StreamPlace | undefined;
}

/** A stream's place, which it keeps as long as it has heartbeats. */
interface StreamPlace {
  beat(now: number): void;
  end(): void;
  cut(now: number): void;
}

/** How many times per window the bridge reports the read characters. More reports would not help the room. */
const TOLD_PER_WINDOW = 4;

/** `WebSocket.readyState` of a socket that can send. The socket is already closed if its reader disconnected early. */
const OPEN = 1;

/** How long the reader of an ended stream may read nothing before it is cut off, in milliseconds. */
const LINGER_MS = 10_000;

/**
 * Forwards a room's frames from an internal WebSocket to a reader of Server-Sent Events. The Worker holds the stream, so
 * the room can hibernate meanwhile.
 *
 * The runtime notices a lost reader only at the next write (workerd 1.20261117), and does not always call `cancel`. That is
 * why there are heartbeats, and why a failed write, a cancelled stream and an aborted request each end the connection.
 *
 * A response ends only after its reader has read all of it, even if the stream is closed or aborted (workerd 1.20261117).
 * A reader that stops reading would keep its request in memory without limit. So the bridge aborts the whole request some
 * time after the stream has ended.
 */
export class Bridge {
  readonly #socket: WebSocket;
  readonly #limits: BridgeLimits;
  readonly #request: StreamRequest;
  readonly #writer: EventWriter;
  readonly #startedAt = Date.now();
  readonly #heartbeat: ReturnType<typeof setInterval>;
  #frames = 0;
  /** Characters written. */
  #chars = 0;
  /** Characters of the room's frames that the reader has read, and how many of these have been reported to the room. */
  #seen = 0;
  #told = 0;
  /** Whether the reader has read a chunk since the last check. */
  #isReading = false;
  /** Whether a heartbeat is due, which the room receives as a ping once the reader has read the next chunk. */
  #isBeating = false;
  #isOver = false;

  private constructor(
    socket: WebSocket,
    writer: WritableStreamDefaultWriter<Uint8Array>,
    request: StreamRequest,
    limits: BridgeLimits,
  ) {
    this.#socket = socket;
    this.#request = request;
    this.#limits = limits;
    this.#writer = new EventWriter(writer, {
      onTaken: (chars) => this.#taken(chars),
      onGone: () => this.#vanish(),
    });
    this.#heartbeat = setInterval(() => this.#beat(), limits.sseHeartbeatMs);
    request.signal.addEventListener("abort", () => this.#vanish());
    socket.addEventListener("message", ({ data }) => this.#forward(data));
    socket.addEventListener("close", ({ code, reason }) => this.#ended(code, reason));
    socket.addEventListener("error", () => this.#ended(1006, ""));
    socket.accept();
    // The runtime frees a closed socket late if its client never sent anything (rule C3).
    if (socket.readyState === OPEN) socket.send(PING);
    // Spread over twice the time, so that the readers of a room do not all reconnect at once.
    this.#write(retry(limits.sseRetryMs * (1 + Math.random())));
    if (request.signal.aborted) this.#vanish(); // The reader disconnected while the room processed the join.
  }

  /** Starts to forward frames. Returns the body of the response. */
  static open(socket: WebSocket, request: StreamRequest, limits: BridgeLimits): ReadableStream {
    const { readable, writable } = new IdentityTransformStream();
    new Bridge(socket, writable.getWriter(), request, limits);
    return readable;
  }

  #forward(data: unknown): void {
    const frame = typeof data === "string" ? decodeBridgeFrame(data) : undefined;
    if (typeof data !== "string" || frame === undefined) return; // a pong of the platform
    if (this.#frames++ === 0) this.#writer.chunkChars = windowOf(frame.text) / TOLD_PER_WINDOW;
    this.#write(event(frame.text, frame.position), data.length);
    const { sseMaxFrames, sseMaxBytes } = this.#limits;
    if (this.#frames >= sseMaxFrames || this.#chars >= sseMaxBytes) this.#end("rotated");
  }

  #write(text: string, chars?: number): void {
    this.#chars += text.length;
    this.#writer.write(text, chars);
  }

  /** Reports the read characters to the room, as soon as there are enough of them. */
  #taken(chars: number): void {
    this.#isReading = true;
    if (this.#isOver) return;
    if (this.#isBeating) {
      this.#isBeating = false;
      this.#socket.send(PING);
    }
    this.#seen += chars;
    if (this.#seen - this.#told < this.#writer.chunkChars) return;
    this.#told = this.#seen;
    this.#socket.send(JSON.stringify({ type: "seen", chars: this.#seen }));
  }

  #beat(): void {
    const now = Date.now();
    this.#request.place?.beat(now);
    if (now - this.#startedAt >= this.#limits.sseMaxAgeMs) return this.#end("rotated");
    // The member counts as active only after its reader has read another chunk.
    this.#isBeating = true;
    if (this.#writer.isIdle) this.#write(HEARTBEAT);
  }

  /** Ends the stream after the connection to the room has ended. The reader receives the close as an event. */
  #ended(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#finish();
    if (code >= 4000) {
      const frame = encodeFrame({ type: "close", code, reason });
      this.#write(event(frame, mayReconnect(code) ? undefined : CLOSED_ID));
    }
    // The place becomes free when the runtime has accepted everything, because nothing reports when the reader has it.
    this.#writer.end(() => this.#request.place?.end());
    this.#linger();
  }

  /** Ends the stream at one of its limits. The reader reconnects and resumes. */
  #end(name: CloseName): void {
    const { code, text } = CLOSE_CODES[name];
    this.#ended(code, text);
    this.#closeSocket(code, text);
  }

  /** Ends the connection to the room because the reader has disconnected without a leave. */
  #vanish(): void {
    this.#request.place?.end();
    if (this.#isOver) return;
    this.#finish();
    this.#closeSocket(CLOSE_CODES.silent.code, CLOSE_CODES.silent.text);
    this.#writer.abort();
  }

  /**
   * Cuts the reader off when it has read nothing for some time. Until then it can read the remaining data. The runtime drops
   * the timer with the request, so it fires only while the response has not ended.
   */
  #linger(): void {
    this.#isReading = false;
    setTimeout(() => {
      if (this.#isReading) {
        if (!this.#writer.isIdle) this.#request.place?.beat(Date.now());
        return this.#linger();
      }
      this.#request.place?.cut(Date.now());
      this.#writer.abort();
      this.#request.abort(
        new Error(`the reader of a stream that has ended took nothing for ${LINGER_MS} ms`),
      );
    }, LINGER_MS);
  }

  #finish(): void {
    this.#isOver = true;
    clearInterval(this.#heartbeat);
  }

  #closeSocket(code: number, reason: string): void {
    try {
      this.#socket.close(code, reason);
    } catch {
      // It was already closed.
    }
  }
}

/** Reads the size of the flow-control window from a welcome. */
function windowOf(text: string): number {
  const welcome = parseJson(text, Infinity);
  const limits = isJsonObject(welcome) ? welcome["limits"] : undefined;
  const windowChars = isJsonObject(limits) ? limits["windowChars"] : undefined;
  return typeof windowChars === "number" ? windowChars : Infinity;
}
