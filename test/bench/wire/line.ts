import { connect, type Socket } from "node:net";
import { LOOPBACK } from "../../support/loopback-port.ts";
import { FrameReader } from "./frame-reader.ts";
import { encodeTextFrame } from "./text-frame.ts";

/** What happens on a line. */
export interface LineListener {
  /** The server has agreed to speak WebSocket. */
  open(): void;
  /** A text came: a part of a buffer that is overwritten after this returns. */
  text(bytes: Buffer, start: number, end: number): void;
  /** The line has ended, and not by {@link Line.drop}; 1006 where the server did not say why. */
  ended(code: number): void;
}

/** Every line reads into this one, for each read is handled before the next begins: nothing is allocated per read. */
const READ_BUFFER = Buffer.allocUnsafe(256 * 1024);

const HEAD_END = "\r\n\r\n";
const ABNORMAL = 1006;

/**
 * A WebSocket client on a bare TCP socket. Clients in packages allocate, copy and emit for each message, as those who
 * read them want; here most are only counted, 100,000 a second and more, and that must cost less than to send them.
 *
 * It checks little: the answer's status, and that frames are what a server may send. It offers no compression.
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

  /** Bytes that came over the socket since the upgrade, frames' headers included. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Bytes of the texts among them. */
  get bytesOfText(): number {
    return this.#bytesOfText;
  }

  /** Sends a text. */
  send(text: string): void {
    if (!this.#isOver) this.#socket.write(encodeTextFrame(text));
  }

  /** Stops reading: what the server sends stays in the kernel's buffers, and then in its own. */
  stall(): void {
    this.#socket.pause();
  }

  /** Drops the connection with no word to the server. */
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
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", // servers answer a hash of it, which nobody here doubts
    ...(subprotocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`]),
  ];
  return lines.join("\r\n") + HEAD_END;
}

/** A control frame of at most 125 bytes, masked with zeros. */
function pongFrame(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x8a, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}
