import type { Json } from "../../../src/protocol/json.ts";
import type { Transport } from "./connection.ts";

/** How a client joins. */
export interface Joining {
  readonly over: Transport;
  /** The position in its join, as text. */
  readonly after?: string | undefined;
  /** Whether it sends the position over SSE like a reconnecting EventSource, instead of in the URL. */
  readonly isHeader?: boolean | undefined;
  readonly rewind?: number | undefined;
  /** Whether it leaves the room's close of its WebSocket unanswered until {@link Game.answerClose}. */
  readonly answersLate?: boolean | undefined;
  readonly presence?: Json | undefined;
  /** Whether it requests the state, although it may know it. */
  readonly asksForState?: boolean | undefined;
  /** Whether it promises to report what it reads; over WebSocket only. */
  readonly hasWindow?: boolean | undefined;
}
