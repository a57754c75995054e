import type { Json } from "../../../src/protocol/json.ts";
import type { Transport } from "./connection.ts";

/** How a client joins. */
export interface Joining {
  readonly over: Transport;
  /** The position it brings, as text. */
  readonly after?: string | undefined;
  /** How it brings the position over SSE: as a returning EventSource does, or in the URL. */
  readonly isHeader?: boolean | undefined;
  readonly rewind?: number | undefined;
  /** Whether it leaves the room's close of its WebSocket unanswered until {@link Game.answerClose}. */
  readonly answersLate?: boolean | undefined;
  readonly presence?: Json | undefined;
  /** Whether it asks for the state, though it may know it. */
  readonly asksForState?: boolean | undefined;
  /** Whether it promises to say what it reads; over a WebSocket only. */
  readonly hasWindow?: boolean | undefined;
}
