import { OPTIONS } from "../../../src/config/options.ts";
import type { ServerFrame } from "../../../src/protocol/frames.ts";
import type { AttachedSendWindow } from "../../../src/room/connections/attachment.ts";
import { inRoom } from "../support/rooms.ts";
import type { Connection } from "./connection.ts";
import type { WebSocketMember } from "../support/websocket.ts";

/** What may be unread by a client with a window, in characters. */
export const WINDOW = OPTIONS.windowChars.default;

/** What a client with `flow=1` has read and has said so of: rules L5 and L7 as a client sees them. */
export class ClientWindow {
  readonly #socket: WebSocketMember;
  readonly #excess: string[] = [];
  #texts = 0;
  #chars = 0;
  #reported = 0;

  constructor(socket: WebSocketMember) {
    this.#socket = socket;
  }

  /** What came though too much was unread. */
  get excess(): readonly string[] {
    this.#read();
    return this.#excess;
  }

  /** Says that it has read what came. */
  report(): void {
    this.#read();
    if (this.#chars === this.#reported) return;
    this.#reported = this.#chars;
    this.#socket.send({ type: "seen", chars: this.#reported });
  }

  /** Whether an answer of a size is to come, though nothing is read before. */
  takesAnswer(chars: number): boolean {
    this.#read();
    return mayCome(this.#chars - this.#reported, chars, true);
  }

  /** Takes what came since; marks are not the room's. */
  #read(): void {
    const { texts } = this.#socket.inbox;
    for (; this.#texts < texts.length; this.#texts++) {
      const text = texts[this.#texts] ?? "";
      if (text.startsWith('{"type":"pong"')) continue;
      this.#judge(text);
      this.#chars += text.length;
    }
  }

  /** What the client has said may be on its way: the room knows of as much unread, or of more. */
  #judge(text: string): void {
    const unread = this.#chars - this.#reported;
    const isLean = unread > WINDOW / 2;
    if (!isLean && unread + text.length <= WINDOW) return;
    const frames = [JSON.parse(text) as ServerFrame | ServerFrame[]].flat();
    if (!mayCome(unread, text.length, frames.every(isAnswer)))
      this.#excess.push(`${text.length} characters came, with ${unread} unread`);
    if (isLean && frames.some((frame) => frame.type === "message" && frame.offset === undefined))
      this.#excess.push(`a volatile message came, with ${unread} unread`);
  }
}

/** Whether something may be sent to who has so much unread; of any size to who has perhaps read all (L5, L7). */
function mayCome(unread: number, chars: number, isAnswering: boolean): boolean {
  return isAnswering
    ? unread <= WINDOW || unread + chars <= 2 * WINDOW
    : unread < WINDOW / 4 || unread + chars <= WINDOW;
}

/** Whether a frame answers an act of its reader's. */
export function isAnswer({ type }: ServerFrame): boolean {
  return type === "ack" || type === "error" || type === "history";
}

/** What the room keeps of a member's connection; `undefined` where it has none. */
function sendWindowOf(room: string, id: string): Promise<AttachedSendWindow | undefined> {
  return inRoom(room, (state) => {
    const attached = state
      .getWebSockets()
      .map(
        (socket) => socket.deserializeAttachment() as { member?: string; lane?: AttachedSendWindow } | null,
      );
    return attached.find((each) => each?.member === id)?.lane;
  });
}

/**
 * Has a client read on, and say so, until it is live and the room knows that it has read what it was sent. A stream says
 * so once it has read a quarter of a window.
 *
 * @returns how much was unread at the most, in characters
 */
export async function readOn(room: string, { client, window, name }: Connection): Promise<number> {
  const left = window === undefined ? WINDOW / 4 : 0;
  let most = 0;
  for (let turns = 0; turns < MAX_TURNS; turns++) {
    const sendWindow = await sendWindowOf(room, client.id);
    if (sendWindow === undefined) return most;
    const unread = sendWindow.sent - (sendWindow.seen ?? sendWindow.sent);
    most = Math.max(most, unread);
    if (sendWindow.behind === undefined && unread <= left) return most;
    window?.report();
    // The log is sent at a pace, by a timer of the room's, and turns without end would leave the runtime no time for it.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  throw new Error(`[L5] ${name} says that it has read all, and is not sent the rest`);
}

/** How often a client is looked at until it has read all. */
const MAX_TURNS = 2_000;
