import { decodeBridgeFrame, type BridgeFrame } from "../protocol/bridge-frames.ts";
import { PING } from "../protocol/frames.ts";
import { isJsonObject, parseJson } from "../protocol/json.ts";

/** Receives what a room sends over a {@link RoomSocket}. */
export interface RoomSocketListener {
  /** @param chars what the frame counts in the flow-control window, in characters */
  onFrame(frame: BridgeFrame, chars: number): void;
  /** The connection to the room has ended. Called once, and not after {@link RoomSocket.close}. */
  onEnd(code: number, reason: string): void;
}

/** How many times per window the socket reports the read characters. More reports would not help the room. */
const TOLD_PER_WINDOW = 4;

/** `WebSocket.readyState` of a socket that can send. The socket is already closed if its reader disconnected early. */
const OPEN = 1;

/**
 * The Worker's WebSocket to a room, on behalf of a client over HTTP. It reports to the room how much the client has read, so
 * that a client that stops reading is sent nothing more.
 */
export class RoomSocket {
  readonly #socket: WebSocket;
  #isOver = false;
  #hasFrames = false;
  /** A quarter of the flow-control window, in characters. `Infinity` before the first frame. */
  #reportChars = Infinity;
  /** Characters of the room's frames that the client has read, and how many of these have been reported to the room. */
  #seen = 0;
  #told = 0;

  constructor(socket: WebSocket, listener: RoomSocketListener) {
    this.#socket = socket;
    const end = (code: number, reason: string): void => {
      if (this.#isOver) return;
      this.#isOver = true;
      listener.onEnd(code, reason);
    };
    socket.addEventListener("message", ({ data }) => {
      const frame = typeof data === "string" ? decodeBridgeFrame(data) : undefined;
      if (typeof data !== "string" || frame === undefined) return; // a pong of the platform
      if (!this.#hasFrames) this.#reportChars = windowOf(frame.text) / TOLD_PER_WINDOW;
      this.#hasFrames = true;
      listener.onFrame(frame, data.length);
    });
    socket.addEventListener("close", ({ code, reason }) => end(code, reason));
    socket.addEventListener("error", () => end(1006, ""));
    socket.accept();
    // The runtime frees a closed socket late if its client never sent anything (rule C3).
    if (socket.readyState === OPEN) socket.send(PING);
  }

  /** The characters after which the room expects a report; `Infinity` before the first frame. */
  get reportChars(): number {
    return this.#reportChars;
  }

  /** Reports to the room that the client is there. The platform answers, and the room does not wake. */
  ping(): void {
    if (!this.#isOver) this.#socket.send(PING);
  }

  /** Notes characters that the client has read. Reports them to the room as soon as there are enough. */
  seen(chars: number): void {
    this.#seen += chars;
    if (this.#isOver || this.#seen - this.#told < this.#reportChars) return;
    this.#told = this.#seen;
    this.#socket.send(JSON.stringify({ type: "seen", chars: this.#seen }));
  }

  /** Closes the connection. The listener receives nothing more of its end. */
  close(code: number, reason: string): void {
    this.#isOver = true;
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
