import { connect, type Socket } from "node:net";
import { LOOPBACK } from "../../support/loopback-port.ts";
import { FrameReader } from "./frame-reader.ts";
import { encodeTextFrame } from "./text-frame.ts";

/** The events of a connection. */
export interface LineListener {
  /** The server has accepted the upgrade. */
  open(): void;
  /** A text has arrived, as part of a buffer that is overwritten after the call returns. */
  text(bytes: Buffer, start: number, end: number): void;
  /** The connection has ended, and not by {@link Line.drop}. The code is 1006 if the server sent none. */
  ended(code: number): void;
}

/** All connections read into this buffer. Each read is handled before the next begins, so no read allocates. */
const READ_BUFFER = Buffer.allocUnsafe(256 * 1024);

const HEAD_END = "\r\n\r\n";
const ABNORMAL = 1006;

/**
 * A WebSocket client on a bare TCP socket. The clients in packages allocate, copy and emit for each message, which
 * most users need. A benchmark only counts most messages, 100,000 a second and more, and must use less time than the server.
 *
 * It checks only the status of the response, and that a server may send such frames. It offers no compression.
 */
export class Line {
  readonly #socket: Socket;
  readonly #listener: LineListener;
  readonly #frames: FrameReader;
  #head: string | undefined = "";
  #isOver = false;
  #code = ABNORMAL;
  #bytesRead = 0;
  #bytesOfText = 0;

  private constructor(port: number, path: string, subprotocol: string | undefined, listener: LineListener) {
    this.#listener = listener;
    this.#frames = new FrameReader({
      text: (bytes, start, end) => {
        this.#bytesOfText += end - start;
        listener.text(bytes, start, end);
      },
      ping: (payload) => this.#socket.write(pongFrame(payload)),
      close: (code) => {
        this.#code = code;
        this.#socket.end();
      },
    });
    this.#socket = connect({
      host: LOOPBACK,
      port,
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (count) => {
          this.#read(count);
          return true;
        },
      },
    });
    this.#socket.on("connect", () => this.#socket.write(upgradeRequest(port, path, subprotocol)));
    this.#socket.on("error", () => undefined); // its end follows
    this.#socket.on("end", () => this.#socket.destroy());
    this.#socket.on("close", () => this.#end());
  }

  /** Dials a server on this machine. */
  static dial(port: number, path: string, subprotocol: string | undefined, listener: LineListener): Line {
    return new Line(port, path, subprotocol, listener);
  }

  /** The bytes received over the socket since the upgrade, including frame headers. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** The bytes of the received texts. */
  get bytesOfText(): number {
    return this.#bytesOfText;
  }

  /** Sends a text. */
  send(text: string): void {
    if (!this.#isOver) this.#socket.write(encodeTextFrame(text));
  }

  /** Stops reading: what the server sends fills the kernel's buffers, and then the server's own. */
  stall(): void {
    this.#socket.pause();
  }

  /** Drops the connection without notifying the server. */
  drop(): void {
    this.#isOver = true;
    this.#socket.destroy();
  }

  #read(count: number): void {
    if (this.#isOver) return;
    if (this.#head === undefined) {
      this.#bytesRead += count;
      return this.#frames.read(READ_BUFFER, 0, count);
    }
    const known = this.#head.length;
    this.#head += READ_BUFFER.toString("latin1", 0, count);
    const end = this.#head.indexOf(HEAD_END);
    if (end === -1) return;
    const head = this.#head;
    this.#head = undefined;
    if (!head.startsWith("HTTP/1.1 101 ")) {
      this.#socket.destroy();
      return;
    }
    this.#listener.open();
    const bodyAt = end + HEAD_END.length - known;
    this.#bytesRead += count - bodyAt;
    if (bodyAt < count) this.#frames.read(READ_BUFFER, bodyAt, count);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.ended(this.#code);
  }
}

function upgradeRequest(port: number, path: string, subprotocol: string | undefined): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${LOOPBACK}:${port}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", // servers respond with a hash of it, which is not checked here
    ...(subprotocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`]),
  ];
  return lines.join("\r\n") + HEAD_END;
}

/** A control frame of at most 125 bytes, masked with zeros. */
function pongFrame(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x8a, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}
