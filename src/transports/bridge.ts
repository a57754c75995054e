import { CLOSE_CODES, mayReconnect, type CloseName } from "../protocol/close-codes.ts";
import { decodeBridgeFrame } from "../protocol/bridge-frames.ts";
import { encodeFrame } from "../protocol/encode.ts";
import { PING } from "../protocol/frames.ts";
import { isJsonObject, parseJson } from "../protocol/json.ts";
import { EventWriter } from "./event-writer.ts";
import { CLOSED_ID, HEARTBEAT, event, retry } from "./sse.ts";

/** The bounds of a stream; see the options of the same names with `sse` before them. */
export interface BridgeLimits {
  readonly sseHeartbeatMs: number;
  readonly sseRetryMs: number;
  readonly sseMaxAgeMs: number;
  readonly sseMaxFrames: number;
  readonly sseMaxBytes: number;
}

/** The request that a stream answers. */
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

/** Takes a place for as long as it lasts. */
interface StreamPlace {
  beat(now: number): void;
  end(): void;
  cut(now: number): void;
}

/** How many times per window the bridge reports what was read. More reports would not help the room. */
const TOLD_PER_WINDOW = 4;

/** `WebSocket.readyState` of a socket that can be sent to: this one is closed if its reader disconnected early. */
const OPEN = 1;

/** A reader that takes nothing for this long after its stream has ended is cut off, in milliseconds. */
const LINGER_MS = 10_000;

/**
 * Carries a room's frames from an internal WebSocket to a reader of Server-Sent Events. The Worker holds the stream,
 * so the room can sleep under it.
 *
 * A lost reader is only noticed at the next write (workerd 1.20261117), and not always through `cancel`: hence the
 * heartbeats, and hence a failed write, a cancelled stream and an aborted request all end the connection.
 *
 * A response ends only when its reader has taken all of it: neither closing nor aborting the stream changes that
 * (workerd 1.20261117). A reader that stops reading would keep its request in memory for as long as it likes, so the
 * bridge aborts the whole request a while after the end.
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
  /** Characters of the room's frames that the reader has taken, and of these how many the room was told of. */
  #seen = 0;
  #told = 0;
  /** Whether the reader has taken a chunk since the last look. */
  #isReading = false;
  /** Whether the next chunk that is taken is a heartbeat. */
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
    // Spread over twice the time, so that a whole room does not come back at once.
    this.#write(retry(limits.sseRetryMs * (1 + Math.random())));
    if (request.signal.aborted) this.#vanish(); // The reader disconnected during the request to the room.
  }

  /** Starts carrying; returns the stream to answer with. */
  static open(socket: WebSocket, request: StreamRequest, limits: BridgeLimits): ReadableStream {
    const { readable, writable } = new IdentityTransformStream();
    new Bridge(socket, writable.getWriter(), request, limits);
    return readable;
  }

  #forward(data: unknown): void {
    const frame = typeof data === "string" ? decodeBridgeFrame(data) : undefined;
    if (typeof data !== "string" || frame === undefined) return; // the platform's pong
    if (this.#frames++ === 0) this.#writer.chunkChars = windowOf(frame.text) / TOLD_PER_WINDOW;
    this.#write(event(frame.text, frame.position), data.length);
    const { sseMaxFrames, sseMaxBytes } = this.#limits;
    if (this.#frames >= sseMaxFrames || this.#chars >= sseMaxBytes) this.#end("rotated");
  }

  #write(text: string, chars?: number): void {
    this.#chars += text.length;
    this.#writer.write(text, chars);
  }

  /** Reports to the room what the reader has taken, once that is enough. */
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
    // The member counts as active only once its reader has taken more.
    this.#isBeating = true;
    if (this.#writer.isIdle) this.#write(HEARTBEAT);
  }

  /** The room ended the connection: the reader is told as a WebSocket would be. */
  #ended(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#finish();
    if (code >= 4000) {
      const frame = encodeFrame({ type: "close", code, reason });
      this.#write(event(frame, mayReconnect(code) ? undefined : CLOSED_ID));
    }
    // The place is free once the reader has everything, as far as anyone can tell.
    this.#writer.end(() => this.#request.place?.end());
    this.#linger();
  }

  /** The stream has had its share; its reader comes back and goes on. */
  #end(name: CloseName): void {
    const { code, text } = CLOSE_CODES[name];
    this.#ended(code, text);
    this.#closeSocket(code, text);
  }

  /** The reader is gone, or as good as gone: it did not say that it leaves. */
  #vanish(): void {
    this.#request.place?.end();
    if (this.#isOver) return;
    this.#finish();
    this.#closeSocket(CLOSE_CODES.silent.code, CLOSE_CODES.silent.text);
    this.#writer.abort();
  }

  /**
   * Gives the reader time to take the remaining data, as long as it takes anything, and then cuts it off. The timer ends with
   * the request, so it fires only while the response has not ended.
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
