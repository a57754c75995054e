import { encodeFrame } from "../../protocol/encode.ts";
import type { AckFrame, ErrorFrame, ExpiringFrame } from "../../protocol/frames.ts";
import type { Session } from "../connections/sessions.ts";
import { encodeHistory, type HistoryReply } from "../log/history-pages.ts";

/**
 * Frames for one connection each. The next flush sends them behind the frames for all.
 *
 * A flush replies to acts when it has stored them. The replies are added here, so that nothing enters the outbox during its own
 * flush.
 */
export class ReplyQueue {
  #texts = new Map<Session, string[]>();

  /** Adds a frame for one connection. */
  add(session: Session, frame: AckFrame | ErrorFrame | ExpiringFrame | HistoryReply): void {
    const text = frame.type === "history" ? encodeHistory(frame) : encodeFrame(frame);
    const texts = this.#texts.get(session);
    if (texts === undefined) this.#texts.set(session, [text]);
    else texts.push(text);
  }

  /** How many connections have replies. */
  get size(): number {
    return this.#texts.size;
  }

  /** Removes all replies, and returns them as JSON text by connection. */
  take(): ReadonlyMap<Session, readonly string[]> {
    const texts = this.#texts;
    this.#texts = new Map();
    return texts;
  }
}
