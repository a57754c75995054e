import { CLOSE_CODES, mayReconnect, type CloseName } from "../protocol/close-codes.ts";
import type { BridgeFrame } from "../protocol/bridge-frames.ts";
import { encodeFrame } from "../protocol/encode.ts";
import { EventWriter } from "./event-writer.ts";
import { ResponseEnd, type ResponseRequest } from "./response-end.ts";
import { RoomSocket } from "./room-socket.ts";
import { CLOSED_ID, HEARTBEAT, event, retry } from "./sse.ts";

/** The limits of a stream, from the options with the same names. */
export interface SseLimits {
  readonly sseHeartbeatMs: number;
  readonly sseRetryMs: number;
  readonly sseMaxAgeMs: number;
  readonly sseMaxFrames: number;
  readonly sseMaxBytes: number;
}

/**
 * Writes a room's frames to a reader of Server-Sent Events. The Worker holds the stream, so the room can hibernate meanwhile.
 *
 * The runtime notices a lost reader only at the next write (workerd 1.20261117), and does not always call `cancel`. That is
 * why there are heartbeats, and why a failed write, a cancelled stream and an aborted request each end the connection.
 */
export class SseWriter {
  readonly #room: RoomSocket;
  readonly #limits: SseLimits;
  readonly #request: ResponseRequest;
  readonly #writer: EventWriter;
  readonly #end: ResponseEnd;
  readonly #startedAt = Date.now();
  readonly #heartbeat: ReturnType<typeof setInterval>;
  #frames = 0;
  /** Characters written. */
  #chars = 0;
  /** Whether a heartbeat is due, which the room receives as a ping once the reader has read the next chunk. */
  #isBeating = false;
  #isOver = false;

  private constructor(
    socket: WebSocket,
    writer: WritableStreamDefaultWriter<Uint8Array>,
    request: ResponseRequest,
    limits: SseLimits,
  ) {
    this.#request = request;
    this.#limits = limits;
    this.#writer = new EventWriter(writer, {
      onTaken: (chars) => this.#taken(chars),
      onGone: () => this.#vanish(),
    });
    this.#end = new ResponseEnd(this.#writer, request);
    this.#heartbeat = setInterval(() => this.#beat(), limits.sseHeartbeatMs);
    request.signal.addEventListener("abort", () => this.#vanish());
    this.#room = new RoomSocket(socket, {
      onFrame: (frame, chars) => this.#forward(frame, chars),
      onEnd: (code, reason) => this.#ended(code, reason),
    });
    // Spread over twice the time, so that the readers of a room do not all reconnect at once.
    this.#write(retry(limits.sseRetryMs * (1 + Math.random())));
    if (request.signal.aborted) this.#vanish(); // The reader disconnected while the room processed the join.
  }

  /** Starts to write frames. Returns the body of the response. */
  static open(socket: WebSocket, request: ResponseRequest, limits: SseLimits): ReadableStream {
    const { readable, writable } = new IdentityTransformStream();
    new SseWriter(socket, writable.getWriter(), request, limits);
    return readable;
  }

  #forward(frame: BridgeFrame, chars: number): void {
    if (this.#frames++ === 0) this.#writer.chunkChars = this.#room.reportChars;
    this.#write(event(frame.text, frame.position), chars);
    const { sseMaxFrames, sseMaxBytes } = this.#limits;
    if (this.#frames >= sseMaxFrames || this.#chars >= sseMaxBytes) this.#rotate("rotated");
  }

  #write(text: string, chars?: number): void {
    this.#chars += text.length;
    this.#writer.write(text, chars);
  }

  #taken(chars: number): void {
    this.#end.taken();
    if (this.#isOver) return;
    if (this.#isBeating) {
      this.#isBeating = false;
      this.#room.ping();
    }
    this.#room.seen(chars);
  }

  #beat(): void {
    const now = Date.now();
    this.#request.place?.beat(now);
    if (now - this.#startedAt >= this.#limits.sseMaxAgeMs) return this.#rotate("rotated");
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
    this.#end.begin();
  }

  /** Ends the stream at one of its limits. The reader reconnects and resumes. */
  #rotate(name: CloseName): void {
    const { code, text } = CLOSE_CODES[name];
    this.#ended(code, text);
    this.#room.close(code, text);
  }

  /** Ends the connection to the room because the reader has disconnected without a leave. */
  #vanish(): void {
    this.#request.place?.end();
    if (this.#isOver) return;
    this.#finish();
    this.#room.close(CLOSE_CODES.silent.code, CLOSE_CODES.silent.text);
    this.#writer.abort();
  }

  #finish(): void {
    this.#isOver = true;
    clearInterval(this.#heartbeat);
  }
}
