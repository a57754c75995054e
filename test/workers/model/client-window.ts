import { OPTIONS } from "../../../src/config/options.ts";
import type { ServerFrame } from "../../../src/protocol/frames.ts";
import type { AttachedSendWindow } from "../../../src/room/connections/attachment.ts";
import { inRoom } from "../support/rooms.ts";
import type { Connection } from "./connection.ts";
import type { WebSocketMember } from "../support/websocket.ts";

/** The maximum unread characters of a client with a window. */
export const WINDOW = OPTIONS.windowChars.default;

/** What a client with `flow=1` has read and reported: rules L5 and L7 from the client's view. */
export class ClientWindow {
  readonly #socket: WebSocketMember;
  readonly #excess: string[] = [];
  #texts = 0;
  #chars = 0;
  #reported = 0;

  constructor(socket: WebSocketMember) {
    this.#socket = socket;
  }

  /** Frames that arrived although too much was unread. */
  get excess(): readonly string[] {
    this.#read();
    return this.#excess;
  }

  /** Reports that it has read everything that has arrived. */
  report(): void {
    this.#read();
    if (this.#chars === this.#reported) return;
    this.#reported = this.#chars;
    this.#socket.send({ type: "seen", chars: this.#reported });
  }

  /** Whether a reply of this size is still sent if nothing is read before. */
  takesAnswer(chars: number): boolean {
    this.#read();
    return mayCome(this.#chars - this.#reported, chars, true);
  }

  /** Reads what has arrived since the last call. Marks do not come from the room. */
  #read(): void {
    const { texts } = this.#socket.inbox;
    for (; this.#texts < texts.length; this.#texts++) {
      const text = texts[this.#texts] ?? "";
      if (text.startsWith('{"type":"pong"')) continue;
      this.#judge(text);
      this.#chars += text.length;
    }
  }

  /** Reports of the client may be in transit. The room therefore counts as much as unread, or more. */
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

/**
 * Whether the room may send a frame with this much unread. A frame of any size is allowed if the client may have read
 * all (L5, L7).
 */
function mayCome(unread: number, chars: number, isAnswering: boolean): boolean {
  return isAnswering
    ? unread <= WINDOW || unread + chars <= 2 * WINDOW
    : unread < WINDOW / 4 || unread + chars <= WINDOW;
}

/** Whether a frame is a reply to an act of its client. */
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
 * Lets a client read and report until it is live and the room knows that it has read everything it was sent. A stream
 * reports after each quarter of a window.
 *
 * @returns the maximum that was unread, in characters
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
    // A timer of the room throttles the log. Turns without a pause would leave the runtime no time for it.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  throw new Error(`[L5] ${name} has reported that it has read everything, but does not get the rest`);
}

/** How many times a client is checked until it has read all. */
const MAX_TURNS = 2_000;
