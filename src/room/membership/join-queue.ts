import { CREATED_HEADER, type JoinRequest } from "../../protocol/contract.ts";
import { errorFrame } from "../../protocol/encode.ts";
import { ERRORS, type WireError } from "../../protocol/errors.ts";
import { log } from "../../metrics/log.ts";
import type { Deadlines } from "../lifetime/deadlines.ts";
import type { Joins } from "./join.ts";
import type { UnreadWelcomes } from "../connections/unread-welcomes.ts";
import type { Outbox } from "../delivery/outbox.ts";
import { FULL_RETRY_MS } from "./capacity.ts";
import { Throttle } from "../../limits/throttle.ts";

/**
 * The turns per second that admit clients. While few clients join, each gets its own turn. Above this rate, all clients
 * that have arrived since the last turn share one. They then share the cost of a turn, most of which is the commit.
 */
const TURNS = { perSecond: 100, burst: 20 };

/** A join request in the queue. */
export interface QueuedJoin {
  readonly join: JoinRequest;
  /** The subprotocol of the response. */
  readonly protocol: string | null;
}

/** The collaborators that admit a client. */
interface Collaborators {
  /** The name of the room. */
  readonly name: string;
  readonly joins: Joins;
  readonly deadlines: Deadlines;
  readonly unreadWelcomes: UnreadWelcomes;
  readonly outbox: Outbox;
}

/** Admits joining clients: immediately at a low rate, and in batches at a high rate. */
export class JoinQueue {
  readonly #accept: (socket: WebSocket) => void;
  readonly #room: Collaborators;
  readonly #throttle = new Throttle(TURNS);
  #waiting: { readonly queued: QueuedJoin; readonly respond: (response: Response) => void }[] = [];

  /** @param accept accepts a socket for the room */
  constructor(accept: (socket: WebSocket) => void, room: Collaborators) {
    this.#accept = accept;
    this.#room = room;
  }

  /** Whether a client may join immediately. */
  isFree(now: number): boolean {
    return this.#waiting.length === 0 && this.#throttle.take(1, now);
  }

  /** Queues a join until the next {@link drain}. */
  enqueue(queued: QueuedJoin): Promise<Response> {
    return new Promise((respond) => this.#waiting.push({ queued, respond }));
  }

  /** When to {@link drain}, Unix milliseconds; `undefined` if the queue is empty. */
  get dueAt(): number | undefined {
    return this.#waiting.length === 0 ? undefined : (this.#throttle.at ?? 0);
  }

  /** Admits all queued clients. Any turn before {@link dueAt} may do so as well. */
  drain(now: number): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#throttle.take(1, now);
    for (const { queued, respond } of waiting) {
      respond(this.join(queued, now, waiting.length > 1));
      // The next one finds the room as if it came alone: with all that a hook has done for this one.
      this.#room.outbox.send(now, { moreCome: waiting.length > 1 });
    }
  }

  /**
   * Admits one client, or responds with the reason for the rejection.
   *
   * @param moreCome whether more clients join in the same turn
   */
  join({ join, protocol }: QueuedJoin, now: number, moreCome = false): Response {
    const isNew = this.#room.joins.isNewFor(join);
    const allowed = this.#room.joins.check(join, now);
    if (!allowed.ok) return refuse(allowed.error);
    const { 0: client, 1: server } = new WebSocketPair();
    try {
      this.#accept(server);
    } catch (error) {
      // The platform's own limit is 32,768 sockets. Nothing has changed yet, and the room continues.
      log("accept_failed", { room: this.#room.name, reason: String(error) });
      return refuse({ code: "room_full", retryAfterMs: FULL_RETRY_MS });
    }
    const session = this.#room.joins.accept(server, join, allowed.value, now, moreCome);
    this.#room.deadlines.watch(session, now);
    // A poll reads through the Worker, which is part of the server, and is sent a welcome only once.
    if (join.pollWaitS === undefined) this.#room.unreadWelcomes.watch(session, now);
    allowed.value.after();
    const headers = {
      ...(protocol !== null && { "Sec-WebSocket-Protocol": protocol }),
      ...(isNew && { [CREATED_HEADER]: "1" }),
    };
    return new Response(null, { status: 101, webSocket: client, headers });
  }
}

/** The response to a client that is not allowed to join. */
export function refuse(error: WireError): Response {
  return Response.json(errorFrame(error), { status: ERRORS[error.code].http });
}
