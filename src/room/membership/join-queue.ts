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
 * Turns a second in which some are let in: each has one of its own while few come, and then all who have come since the
 * last have one together. What a turn costs, a commit above all, is then theirs together.
 */
const TURNS = { perSecond: 100, burst: 20 };

/** One who wants to come in. */
export interface QueuedJoin {
  readonly join: JoinRequest;
  /** The subprotocol that it is answered with. */
  readonly protocol: string | null;
}

/** Lets those in who come to the room: at once, or where very many come, together with the others. */
export class JoinQueue {
  readonly #accept: (socket: WebSocket) => void;
  readonly #joins: Joins;
  readonly #deadlines: Deadlines;
  readonly #unreadWelcomes: UnreadWelcomes;
  readonly #outbox: Outbox;
  readonly #throttle = new Throttle(TURNS);
  #waiting: { readonly queued: QueuedJoin; readonly respond: (response: Response) => void }[] = [];

  /** @param accept makes a socket the room's */
  constructor(
    accept: (socket: WebSocket) => void,
    room: {
      readonly joins: Joins;
      readonly deadlines: Deadlines;
      readonly unreadWelcomes: UnreadWelcomes;
      readonly outbox: Outbox;
    },
  ) {
    this.#accept = accept;
    this.#joins = room.joins;
    this.#deadlines = room.deadlines;
    this.#unreadWelcomes = room.unreadWelcomes;
    this.#outbox = room.outbox;
  }

  /** Whether one may come in at once. */
  isFree(now: number): boolean {
    return this.#waiting.length === 0 && this.#throttle.take(1, now);
  }

  /** Has one wait for {@link drain}. */
  enqueue(queued: QueuedJoin): Promise<Response> {
    return new Promise((respond) => this.#waiting.push({ queued, respond }));
  }

  /** When to {@link drain}, Unix milliseconds; `undefined` when no one waits. */
  get dueAt(): number | undefined {
    return this.#waiting.length === 0 ? undefined : (this.#throttle.at ?? 0);
  }

  /** Lets in those who wait. A turn that comes before {@link dueAt}, for something else, does as well. */
  drain(now: number): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#throttle.take(1, now);
    for (const { queued, respond } of waiting) {
      respond(this.join(queued, now, waiting.length > 1));
      // The next one finds the room as if it came alone: with all that a hook has done for this one.
      this.#outbox.send(now, { moreCome: waiting.length > 1 });
    }
  }

  /**
   * Lets one in, or says why not.
   *
   * @param moreCome whether others come in the same turn
   */
  join({ join, protocol }: QueuedJoin, now: number, moreCome = false): Response {
    const { isNew } = this.#joins;
    const allowed = this.#joins.check(join, now);
    if (!allowed.ok) return refuse(allowed.error);
    const { 0: client, 1: server } = new WebSocketPair();
    try {
      this.#accept(server);
    } catch (error) {
      // The platform's own limit, 32,768 sockets. Nothing has happened yet, and the room continues.
      log("error", "accept_failed", { reason: String(error) });
      return refuse({ code: "room_full", retryAfterMs: FULL_RETRY_MS });
    }
    const session = this.#joins.accept(server, join, allowed.value, now, moreCome);
    this.#deadlines.watch(session, now);
    this.#unreadWelcomes.watch(session, now);
    allowed.value.after();
    const headers = {
      ...(protocol !== null && { "Sec-WebSocket-Protocol": protocol }),
      ...(isNew && { [CREATED_HEADER]: "1" }),
    };
    return new Response(null, { status: 101, webSocket: client, headers });
  }
}

/** The answer to one who may not come in. */
export function refuse(error: WireError): Response {
  return Response.json(errorFrame(error), { status: ERRORS[error.code].http });
}
