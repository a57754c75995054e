import type { DurableObject } from "cloudflare:workers";

import type { Revocation } from "../auth/revocations.ts";
import type { Access } from "../protocol/contract.ts";
import type { WireError } from "../protocol/errors.ts";
import type { AnswerFrame } from "../protocol/frames.ts";

/**
 * The stored messages to read. Both bounds are exclusive. With `after` the page starts with the oldest messages,
 * without it with the newest.
 */
export interface HistoryRange {
  readonly after?: number | undefined;
  readonly before?: number | undefined;
  /** Only messages at or after this time, Unix milliseconds. */
  readonly since?: number | undefined;
  /** Only messages before this time, Unix milliseconds. */
  readonly until?: number | undefined;
  readonly limit: number;
}

/** The sender of an act. */
export type Actor = MemberActor | ServerActor;

/** A session that acts, in the room or not. It is the same over a socket and by POST. */
export interface MemberActor {
  /** Absent in requests and in attachments, which code of other versions reads and writes. */
  readonly type?: "member";
  readonly session: string;
  readonly member: string;
  /** "" for an anonymous member. */
  readonly user: string;
  /** The attempt number of the connection for which it acts; absent if a POST does not name one. */
  readonly attempt?: number | undefined;
  /** The access of its token; absent if the room is open to everyone. */
  readonly access?: Access | undefined;
  /** The source that limits and bans apply to (`JoinRequest`). */
  readonly source?: string | undefined;
  /** Identifies a request with an `Idempotency-Key`: 22 characters, different from every session id. */
  readonly request?: string | undefined;
}

/** A server of the operator, which acts with a key and has no session. No request carries one in this contract version. */
export interface ServerActor {
  readonly type: "server";
  /** What its key allows in this room. */
  readonly scopes: readonly ServerScope[];
  /** The user for whom it acts; absent if it acts for itself. */
  readonly as?: string | undefined;
  /** The source that pays for its acts: its key. */
  readonly source: string;
}

/** What the key of a server allows. */
export type ServerScope = "publish" | "read" | "moderate" | "admin";

/** The members to list: those with an id after `after`. */
export interface MembersRange {
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Acts of a session that reach the room by POST. The body is as the client sent it, within the kind's size limit. */
export interface ActRequest extends MemberActor {
  /** {@link CONTRACT_VERSION} of the Worker. */
  readonly v: number;
  readonly body: string;
}

/** The outcome of acts: one result for each act in order, or one rejection for all of them. */
export interface ActOutcome {
  readonly refused: WireError | null;
  readonly results: readonly AnswerFrame[];
  /** Whether nobody has joined the room yet. Always false in a room that stores nothing. */
  readonly isNew?: boolean;
}

/** The caller of a read over HTTP. A Worker of older code does not send it. */
export interface Reader {
  /** The source that pays for it ({@link MemberActor}); absent if its address is unknown. */
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

/** A summary of a room. */
export interface RoomInfo {
  readonly members: number;
  /** The end of the log; `null` in a room that nobody has joined yet. */
  readonly position: string | null;
  /**
   * When the object was loaded into memory, Unix milliseconds. A later time than before means that the object slept.
   */
  readonly awakeSince: number;
  /** Whether nobody has joined the room yet. Always false in a room that stores nothing. Absent from rooms of older code. */
  readonly isNew?: boolean;
}

/** The methods that a room offers to the Worker. Joins use an upgrade request with a join header instead. */
export interface RoomApi {
  act(request: ActRequest): Promise<ActOutcome>;
  info(): Promise<RoomInfo>;
  /** Returns stored messages and the end of the log (rule H5); only the text for an older Worker. */
  history(range: HistoryRange, reader?: Reader): Promise<ReadOutcome | string>;
  /** Returns members ordered by id (rule H6); only the text for an older Worker. */
  members(range: MembersRange, reader?: Reader): Promise<ReadOutcome | string>;
  /** Returns the shared state (rule H7); only the text for an older Worker. */
  state(reader?: Reader): Promise<ReadOutcome | string>;
  /** Removes the members that a revocation covers. Returns how many. */
  revoke(revocation: Revocation): Promise<number>;
  /** Resolves once the object runs and its storage can be read. */
  ready(): Promise<true>;
}

/** A Durable Object class that can be exported for the binding `ROOM`. */
export type RoomClass = new (ctx: DurableObjectState, env: unknown) => DurableObject & RoomApi;
