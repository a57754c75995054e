import { once } from "node:events";
import { WebSocket } from "ws";
import type { ServerFrame, WelcomeFrame } from "../../src/protocol/frames.ts";
import { joinUrl } from "../support/member.ts";

/** The acts of one frame that wait for their acks. */
interface Batch {
  left: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** A member over WebSocket that stores nothing it reads. It only tracks the replies to its own acts. */
export class CountingMember {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Batch>();
  readonly #welcome = Promise.withResolvers<WelcomeFrame>();
  #lastRef = 0;
  #pongs = 0;
  #end: Error | undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#welcome.promise.catch(() => undefined);
    socket.on("message", (data: Buffer) => this.#receive(data.toString()));
    socket.on("error", () => undefined); // a close event follows
    socket.on("close", (code, reason) => this.#fail(`closed with ${code} "${reason.toString()}"`));
  }

  /** Joins a room. */
  static async join(wsUrl: string, room: string): Promise<CountingMember> {
    const socket = new WebSocket(joinUrl(wsUrl, room, "", {}), { perMessageDeflate: false });
    const member = new CountingMember(socket);
    await once(socket, "open");
    await member.welcome();
    return member;
  }

  /** The welcome frame. */
  welcome(): Promise<WelcomeFrame> {
    return this.#welcome.promise;
  }

  /** How many pings were answered. */
  get pongs(): number {
    return this.#pongs;
  }

  /** Why the connection has ended; `undefined` while it has not. */
  get end(): Error | undefined {
    return this.#end;
  }

  /** Publishes this many recorded messages in one frame. Resolves once all are acked, rejects if one is rejected. */
  publish(count: number): Promise<void> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const batch: Batch = { left: count, resolve, reject };
    const items = Array.from({ length: count }, () => {
      const ref = ++this.#lastRef;
      this.#waiting.set(ref, batch);
      return { type: "publish", ref, event: "chat", data: `message ${ref}, about as long as one of a chat` };
    });
    this.#socket.send(JSON.stringify(count === 1 ? items[0] : items));
    return promise;
  }

  /** Sends the ping that the platform answers without waking the room. */
  ping(): void {
    this.#socket.send("ping");
  }

  /** Drops the connection without notifying the server. */
  vanish(): void {
    this.#socket.terminate();
  }

  #receive(text: string): void {
    const parsed = JSON.parse(text) as ServerFrame | readonly ServerFrame[];
    for (const frame of [parsed].flat()) {
      if (frame.type === "ack") this.#acked(frame.ref);
      else if (frame.type === "pong") this.#pongs++;
      else if (frame.type === "welcome") this.#welcome.resolve(frame);
      else if (frame.type === "error") this.#fail(`refused: ${frame.code}: ${frame.message}`);
    }
  }

  #acked(ref = 0): void {
    const batch = this.#waiting.get(ref);
    this.#waiting.delete(ref);
    if (batch !== undefined && --batch.left === 0) batch.resolve();
  }

  /** A run with a rejected act or a lost connection does not measure what it claims to, so it fails. */
  #fail(why: string): void {
    const error = new Error(`a member was ${why}`);
    this.#end ??= error;
    this.#welcome.reject(error);
    for (const batch of this.#waiting.values()) batch.reject(error);
    this.#waiting.clear();
  }
}
