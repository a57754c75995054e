import type { DurableObject } from "cloudflare:workers";

import type { Revocation } from "../auth/revocations.ts";
import type { Access } from "../protocol/contract.ts";
import type { WireError } from "../protocol/errors.ts";
import type { AnswerFrame } from "../protocol/frames.ts";

/** Which stored messages to read: bounds exclusive. With `after` the first of them, without it the last. */
export interface HistoryRange {
  readonly after?: number | undefined;
  readonly before?: number | undefined;
  /** From this time on, Unix milliseconds. */
  readonly since?: number | undefined;
  /** Before this time, Unix milliseconds. */
  readonly until?: number | undefined;
  readonly limit: number;
}

/** Who acts: the same over a socket and over POST. */
export interface Actor {
  readonly session: string;
  readonly member: string;
  /** "" for an anonymous member. */
  readonly user: string;
  /** The attempt number of the connection that it acts for; absent if a POST does not name one. */
  readonly attempt?: number | undefined;
  /** What its token allows; absent for what an open room allows everyone. */
  readonly access?: Access | undefined;
  /** Who answers for it (`JoinRequest`). */
  readonly source?: string | undefined;
  /** Names the request it acts by, where that has an `Idempotency-Key`: 22 characters, of no session's. */
  readonly request?: string | undefined;
}

/** Which members to list: the first with an id after this one. */
export interface MembersRange {
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Acts of a session that reach the room by POST: the body as the client sent it, within the kind's size limit. */
export interface ActRequest extends Actor {
  /** {@link CONTRACT_VERSION} of the Worker. */
  readonly v: number;
  readonly body: string;
}

/** What became of the acts: one result for each, in order, unless all were refused as one. */
export interface ActOutcome {
  readonly refused: WireError | null;
  readonly results: readonly AnswerFrame[];
  /** Whether nobody has joined the room yet. Always false in a room that stores nothing. */
  readonly isNew?: boolean;
}

/** The caller of a read over HTTP. A Worker of older code does not send it. */
export interface Reader {
  /** The source that pays for it ({@link Actor}); absent if its address is unknown. */
  readonly source?: string | undefined;
}

/** The result of a read. */
export interface ReadOutcome {
  readonly refused: WireError | null;
  /** JSON text; "" if it was refused. */
  readonly text: string;
  /** Whether nobody has joined the room yet. Always false in a room that stores nothing. */
  readonly isNew: boolean;
}

/** A room seen from outside. */
export interface RoomInfo {
  readonly members: number;
  /** The end of the log; `null` in a room that nobody has joined yet. */
  readonly position: string | null;
  /** Since when the object has been in memory, Unix milliseconds: a later one than before means that it slept. */
  readonly awakeSince: number;
  /** Whether nobody has joined the room yet. Always false in a room that stores nothing. Absent from rooms of older code. */
  readonly isNew?: boolean;
}

/** What a room offers the Worker, beside joining by an upgrade that carries a join header. */
export interface RoomApi {
  act(request: ActRequest): Promise<ActOutcome>;
  info(): Promise<RoomInfo>;
  /** Stored messages and the end of the log, as rule H5 has them; the text alone for an older Worker. */
  history(range: HistoryRange, reader?: Reader): Promise<ReadOutcome | string>;
  /** Members by id, as rule H6 has them; the text alone for an older Worker. */
  members(range: MembersRange, reader?: Reader): Promise<ReadOutcome | string>;
  /** The shared state, as rule H7 has it; the text alone for an older Worker. */
  state(reader?: Reader): Promise<ReadOutcome | string>;
  /** Removes whom a revocation is about; returns how many. */
  revoke(revocation: Revocation): Promise<number>;
  /** Answers once the object runs and its storage can be read. */
  ready(): Promise<true>;
}

/** A class of Durable Object that can be exported for the binding `ROOM`. */
export type RoomClass = new (ctx: DurableObjectState, env: unknown) => DurableObject & RoomApi;
