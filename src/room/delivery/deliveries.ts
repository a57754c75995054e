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

  /** Notes messages that were written to the storage. */
  noteStored(messages: number): void {
    this.#report.stored += messages;
  }

  /** Whether a connection was closed or fell behind since the last report. */
  get hasLeftBehind(): boolean {
    return this.#report.slow.length + this.#report.stalled.length > 0;
  }

  /** Returns the report of everything since the last one. */
  takeReport(): FlushReport {
    const report = this.#report;
    this.#report = newReport();
    return report;
  }
}

function newReport(): OpenReport {
  return { sends: 0, stored: 0, slow: [], stalled: [] };
}
