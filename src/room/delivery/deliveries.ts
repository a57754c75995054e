import type { CloseName } from "../../protocol/close-codes.ts";
import type { Written } from "../../protocol/dialects.ts";
import type { Session, Sessions } from "../connections/sessions.ts";
import type { FlushReport } from "./flush-report.ts";

/** A report while it is written. */
interface OpenReport extends FlushReport {
  sends: number;
  stored: number;
  readonly slow: Session[];
  readonly stalled: Session[];
  readonly answered: Session[];
}

/** Sends frames to connections, and keeps the report of the flush. */
export class Deliveries {
  readonly #sessions: Sessions;
  #report = newReport();

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  /** Sends a frame. A connection that is closing is passed over, because its close event follows. */
  send(session: Session, text: Written): void {
    session.sendWindow.took(text.length);
    this.#report.sends++;
    if (session.record.polledFrom !== undefined) this.noteAnswered(session);
    try {
      session.socket.send(text);
    } catch {
      // The socket closed in this turn. Its close event removes the member.
    }
  }

  /** Closes a connection that does not read, or whose token has expired, before anything more is queued for it. */
  cutOff(session: Session, close: CloseName = "slow"): void {
    this.#sessions.close(session, close);
    this.#report.slow.push(session);
  }

  /** Notes a connection that is behind. */
  noteStalled(session: Session): void {
    this.#report.stalled.push(session);
  }

  /** Notes the connection of a poll that ends with this turn. */
  noteAnswered(session: Session): void {
    this.#report.answered.push(session);
  }

  /** Notes messages that were written to the storage. */
  noteStored(messages: number): void {
    this.#report.stored += messages;
  }

  /** Whether a connection was closed, fell behind, or has the response to its poll since the last report. */
  get hasChanged(): boolean {
    const { slow, stalled, answered } = this.#report;
    return slow.length + stalled.length + answered.length > 0;
  }

  /** Returns the report of everything since the last one. */
  takeReport(): FlushReport {
    const report = this.#report;
    this.#report = newReport();
    return report;
  }
}

function newReport(): OpenReport {
  return { sends: 0, stored: 0, slow: [], stalled: [], answered: [] };
}
