import { vi } from "vitest";
import { OPTIONS } from "../../../src/config/options.ts";
import type { AttachedSendWindow } from "../../../src/room/connections/attachment.ts";
import type { Member } from "../../support/member.ts";
import { kindsRoom, serveKinds } from "./kinds.ts";
import { inRoom } from "./rooms.ts";
import { join, type WebSocketJoin, type WebSocketMember } from "./websocket.ts";

/** The window of the rooms of wrangler.toml, in characters. */
export const WINDOW = OPTIONS.windowChars.default;

/** The characters that enclose a page of the log. */
const BRACKETS = 2;

/** The maximum frame for a page of the log with more than one message. */
export const PAGE = WINDOW / 4 + BRACKETS;

/** How a reader joins. */
export interface ReaderJoin extends WebSocketJoin {
  /** Whether it promises to report what it reads. @default true */
  readonly flow?: boolean;
  /** Whether the room has a kind that exists only for tests. @default false */
  readonly isTestKind?: boolean;
}

/** A member over WebSocket that reports what it has read only when the test asks it to. */
export class Reader {
  readonly room: string;
  readonly member: WebSocketMember;
  readonly #options: ReaderJoin;
  /** The highest amount it has reported. */
  #reported: number | undefined;

  private constructor(room: string, member: WebSocketMember, options: ReaderJoin) {
    this.room = room;
    this.member = member;
    this.#options = options;
    if (options.flow !== false) this.#reported = 0;
  }

  /** Joins. Resolves once it has its welcome and everything else that the room sends immediately. */
  static async join(room: string, options: ReaderJoin = {}): Promise<Reader> {
    const { flow = true, isTestKind = false, query, ...rest } = options;
    const member = await join(room, {
      ...rest,
      ...(isTestKind && { to: serveKinds }),
      query: { ...(flow && { flow: "1" }), ...query },
    });
    return new Reader(room, member, options);
  }

  /** Reconnects as the same member at its position. */
  rejoin(options: ReaderJoin = {}): Promise<Reader> {
    const { key, position: after } = this.member;
    return Reader.join(this.room, { ...this.#options, key, after, ...options });
  }

  get inbox(): WebSocketMember["inbox"] {
    return this.member.inbox;
  }

  /** The offsets of the messages it has received. */
  get offsets(): (number | undefined)[] {
    return this.inbox.messages.map(({ offset }) => offset);
  }

  /** The types of the frames it has received after the welcome. Consecutive messages count once. */
  get story(): string[] {
    const types = this.inbox.all.slice(1).map(({ type }) => type);
    return types.filter((type, index) => type !== "message" || types[index - 1] !== "message");
  }

  /** The text frames that it has received, except pongs of the platform. */
  get texts(): string[] {
    return this.inbox.texts.filter((text) => text !== '{"type":"pong"}');
  }

  /** The size of each of them in the window. */
  get lengths(): number[] {
    const { texts, lengths } = this.inbox;
    return lengths.filter((_length, index) => texts[index] !== '{"type":"pong"}');
  }

  /** Their total size: characters, or bytes in the binary dialect. */
  get chars(): number {
    return this.lengths.reduce((sum, length) => sum + length, 0);
  }

  /** What the room keeps of this connection; `undefined` for one that it has closed. */
  async sendWindow(): Promise<AttachedSendWindow | undefined> {
    const inside: typeof inRoom = this.#options.isTestKind
      ? (room, work) => kindsRoom(room).inside(work)
      : inRoom;
    return inside(this.room, (state) => {
      const attached = state
        .getWebSockets()
        .map((socket) => socket.deserializeAttachment() as { member?: string; lane?: AttachedSendWindow });
      return attached.find(({ member }) => member === this.member.member)?.lane;
    });
  }

  /** Resolves once everything that the room has sent is here. */
  async settled(): Promise<AttachedSendWindow> {
    return until(async () => {
      const sendWindow = await this.sendWindow();
      return sendWindow?.sent === this.chars ? sendWindow : undefined;
    });
  }

  /** Says how much it has read, by default everything; resolves once what follows from that is here. */
  async report(chars = this.chars): Promise<AttachedSendWindow> {
    await this.settled();
    this.#reported = Math.max(this.#reported ?? 0, Math.min(chars, this.chars));
    this.member.send({ type: "seen", chars });
    await until(async () => (await this.sendWindow())?.seen === this.#reported || undefined);
    return this.settled();
  }

  /** Reads until it is live. */
  async catchUp(): Promise<void> {
    while ((await this.settled()).behind !== undefined) await this.report();
  }
}

/** Repeats a request until it returns a value. */
function until<Value>(ask: () => Promise<Value | undefined>): Promise<Value> {
  const answer = async (): Promise<Value> => {
    const value = await ask();
    if (value === undefined) throw new Error("it did not come to that");
    return value;
  };
  return vi.waitFor(answer, { timeout: 5_000, interval: 2 });
}

/** Moves the clock, which stands still otherwise. */
export function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/**
 * Publishes messages of a size, and gives the publisher's budgets time to refill. Resolves once they are acked. A
 * publisher over WebSocket receives its own messages and has an allowance, so use SSE for very many messages.
 */
export async function publishBig(speaker: Member, count: number, chars = 60_000): Promise<void> {
  for (let n = 0; n < count; n++) {
    pass(1_000);
    const answer = await speaker.publish("big", "x".repeat(chars));
    if (answer.type !== "ack") throw new Error(`it was refused: ${answer.message}`);
  }
}

/** 1, 2, 3 and so on: the offsets of a log. */
export function oneTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}
