import { DurableObject } from "cloudflare:workers";

import type { Config, Kind } from "../config/config.ts";
import { log } from "../metrics/log.ts";
import { CONTRACT_VERSION, JOIN_HEADER, decodeJoin } from "../protocol/contract.ts";
import { errorFrame } from "../protocol/encode.ts";
import { ERRORS, type WireError } from "../protocol/errors.ts";
import { PING, PONG, type AnswerFrame } from "../protocol/frames.ts";
import { kindOf } from "../protocol/room-names.ts";
import { Acts, type Answers } from "./acts.ts";
import type { ActOutcome, ActRequest, HistoryRange, RoomApi, RoomInfo } from "./api.ts";
import { Budgets } from "./budgets.ts";
import { Deadlines } from "./deadlines.ts";
import { Entrance } from "./entrance.ts";
import { Expiry } from "./expiry.ts";
import { Liveness } from "./liveness.ts";
import { Log } from "./log.ts";
import { Members } from "./members.ts";
import { Once } from "./once.ts";
import { Outbox } from "./outbox.ts";
import { Sessions, type Session } from "./sessions.ts";

/** The alarm comes back after this long when its handler failed, in milliseconds. */
const ALARM_RETRY_MS = 60_000;

/** A class of Durable Object that can be exported for the binding `ROOM`. */
export type RoomClass = new (ctx: DurableObjectState, env: unknown) => DurableObject & RoomApi;

/**
 * Makes the Durable Object class that serves every kind of room.
 *
 * The class is wiring: it owns the clock, the sockets and the alarm, and hands each event to the collaborator whose
 * business it is. Every event is handled in one turn, and ends in a flush.
 */
export function defineRoomClass(config: Config): RoomClass {
  return class Room extends DurableObject implements RoomApi {
    readonly #log: Log;
    readonly #sessions: Sessions;
    readonly #outbox: Outbox;
    readonly #acts: Acts;
    readonly #entrance: Entrance;
    readonly #members: Members;
    readonly #liveness: Liveness;
    readonly #expiry: Expiry;
    readonly #deadlines: Deadlines;
    readonly #awakeSince = Date.now();

    constructor(ctx: DurableObjectState, env: unknown) {
      super(ctx, env as never);
      const kind = kindOfRoom(config, ctx.id.name);
      this.#log = new Log(ctx.storage, kind);
      this.#sessions = new Sessions(() => ctx.getWebSockets());
      this.#members = new Members(ctx.storage, this.#sessions, kind.graceMs);
      const once = new Once(this.#log);
      const budgets = new Budgets(kind);
      const room = { log: this.#log, sessions: this.#sessions, members: this.#members, once, budgets };
      this.#outbox = new Outbox(kind.maxBufferedBytes, room);
      this.#acts = new Acts(kind, { ...room, outbox: this.#outbox });
      this.#entrance = new Entrance(kind, { ...room, outbox: this.#outbox });
      this.#liveness = new Liveness(kind, this.#sessions, (socket) => {
        return ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0;
      });
      this.#expiry = new Expiry(ctx.storage.sql, this.#members, kind.emptyRoomTtlMs);
      const deadlines = { liveness: this.#liveness, members: this.#members, expiry: this.#expiry };
      this.#deadlines = new Deadlines(deadlines, (at) => void ctx.storage.setAlarm(at));
      ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
      log("debug", "room_loaded", { room: ctx.id.name });
    }

    /** An internal upgrade with a join header; anything else is refused. */
    override async fetch(request: Request): Promise<Response> {
      const join = decodeJoin(request.headers.get(JOIN_HEADER));
      if (join === undefined)
        return refuse({ code: "unavailable", message: "the room runs another version" });
      const alarm = await this.ctx.storage.getAlarm();
      return this.#turn((now) => {
        const refusal = this.#entrance.refusal(join);
        if (refusal !== undefined) return refuse(refusal);
        const { 0: client, 1: server } = new WebSocketPair();
        this.ctx.acceptWebSocket(server);
        const session = this.#entrance.enter(server, join, now);
        this.#deadlines.assume(alarm);
        this.#deadlines.check(this.#liveness.checkOf(session), now);
        const protocol = request.headers.get("Sec-WebSocket-Protocol");
        const headers = new Headers(protocol === null ? {} : { "Sec-WebSocket-Protocol": protocol });
        return new Response(null, { status: 101, webSocket: client, headers });
      });
    }

    override webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): void {
      this.#turn((now) => {
        const session = this.#sessions.of(socket);
        if (session === undefined) return;
        this.#sessions.heard(session, now);
        const answers = this.#answersTo(session);
        if (typeof data === "string") this.#acts.receiveText(session.record, data, answers, now);
        else this.#acts.receiveBinary(session.record, data.byteLength, answers, now);
      }, socket);
    }

    override webSocketClose(socket: WebSocket, code: number, reason: string, wasClean: boolean): void {
      this.#turn((now) => {
        answerClose(socket, code, reason);
        const session = this.#sessions.of(socket);
        if (session === undefined) return;
        if (wasClean && LEAVING.has(code)) this.#acts.depart(session, "left");
        else this.#lose(session, now);
      }, socket);
    }

    override webSocketError(socket: WebSocket): void {
      this.#turn((now) => {
        const session = this.#sessions.of(socket);
        if (session !== undefined) this.#lose(session, now);
      }, socket);
    }

    /**
     * Ends what is overdue: silent connections, graces, the room itself. The platform gives a failing alarm up after six retries, so it
     * is armed again whatever happens, and nothing of a failed one's work is kept.
     */
    override async alarm(): Promise<void> {
      try {
        this.ctx.storage.transactionSync(() =>
          this.#handle((now) => {
            for (const session of this.#liveness.silent(now)) {
              this.#acts.lose(session, now, "timeout", "silent");
            }
            this.#acts.departOverdue(now);
          }),
        );
        if ((this.#expiry.at() ?? Infinity) <= Date.now()) return await this.#vanish();
        this.#deadlines.rearm();
      } catch (error) {
        await this.ctx.storage.setAlarm(Date.now() + ALARM_RETRY_MS);
        await this.ctx.storage.sync(); // An abort discards what is not written yet.
        this.#fail("alarm_failed", error);
      }
    }

    async act(request: ActRequest): Promise<ActOutcome> {
      if (request.v > CONTRACT_VERSION) return { refused: { code: "unavailable" }, results: [] };
      return this.#turn((now) => {
        const session = this.#sessions.byId(request.session);
        if (session !== undefined) this.#sessions.heard(session, now);
        const collected = collectAnswers();
        this.#acts.receiveText(request, request.body, collected.answers, now);
        this.#flush(now);
        return collected.outcome();
      });
    }

    async info(): Promise<RoomInfo> {
      return this.#turn(() => ({
        members: this.#members.size,
        position: this.#log.position ?? null,
        awakeSince: this.#awakeSince,
      }));
    }

    async history(range: HistoryRange): Promise<string> {
      return this.#turn((now) => {
        const page = this.#log.history(range, now);
        return JSON.stringify({ ...page, position: this.#log.position ?? null });
      });
    }

    async ready(): Promise<true> {
      this.ctx.storage.sql.exec("SELECT 1").one();
      return true;
    }

    /**
     * Handles one event. What was not foreseen ends the object before anyone has seen any of it; its members come
     * back, and find what was stored.
     */
    #turn<Value>(work: (now: number) => Value, woken?: WebSocket): Value {
      try {
        return this.#handle(work, woken);
      } catch (error) {
        this.#fail("turn_failed", error);
        throw error;
      }
    }

    /** Wakes the sessions, does the work, flushes. */
    #handle<Value>(work: (now: number) => Value, woken?: WebSocket): Value {
      const now = Date.now();
      this.#sessions.load(woken);
      const isFirstEvent = this.#members.load(now);
      const wasOccupied = this.#members.size > 0;
      if (isFirstEvent) {
        // After a crash no close event says who was lost, and no alarm may be set.
        this.#acts.departOverdue(now);
        if (this.#members.nextDeparture() !== undefined) this.#deadlines.rearm();
      }
      const value = work(now);
      this.#flush(now);
      if (wasOccupied && this.#members.size === 0) {
        this.#expiry.begin(now);
        this.#deadlines.rearm();
      }
      return value;
    }

    /** Deletes everything, the alarm too, and ends the object, whose memory is of a room that is no more. */
    async #vanish(): Promise<void> {
      log("debug", "room_expired", { room: this.ctx.id.name });
      await this.ctx.storage.deleteAll();
      await this.ctx.storage.sync();
      this.ctx.abort("expired", { retryAlarm: false });
    }

    /** Tells everyone everything. Who did not read it has lost its connection, and that is told in turn. */
    #flush(now: number): void {
      this.#outbox.flush(now);
      const slow = this.#outbox.takeSlow();
      for (const session of slow) this.#lose(session, now);
      if (slow.length > 0) this.#flush(now);
    }

    #fail(event: string, error: unknown): void {
      log("error", event, { room: this.ctx.id.name, reason: String(error), stack: stackOf(error) });
      this.ctx.abort(event);
    }

    #answersTo(session: Session): Answers {
      return {
        // Without a ref there is nothing an ack could name.
        item: () => (frame) => {
          if (frame.type !== "ack" || frame.ref !== undefined) this.#outbox.reply(session, frame);
        },
        whole: (error) => this.#outbox.reply(session, errorFrame(error)),
      };
    }

    #lose(session: Session, now: number): void {
      const graceUntil = this.#acts.lose(session, now, "disconnected");
      if (graceUntil !== undefined) this.#deadlines.departure(graceUntil, now);
    }
  };
}

/** Gathers the answers to a POST, which travel in its own answer and nowhere else. */
function collectAnswers(): { readonly answers: Answers; outcome(): ActOutcome } {
  const results: AnswerFrame[] = [];
  let refused: WireError | null = null;
  return {
    answers: {
      item: (index) => (frame) => {
        results[index] = frame;
      },
      whole: (error) => {
        refused = error;
      },
    },
    outcome: () => ({ refused, results }),
  };
}

/** The kind a room is of. The Worker let the name in, perhaps a newer one than this object's code knows kinds of. */
function kindOfRoom(config: Config, name: string | undefined): Kind {
  const kind = config.kinds.get(kindOf(name ?? "")) ?? config.kinds.get("default");
  if (kind === undefined) throw new Error("the configuration has no default kind");
  return kind;
}

function refuse(error: WireError): Response {
  return Response.json(errorFrame(error), { status: ERRORS[error.code].http });
}

/** Close codes by which a client says that it leaves: a normal close, with its code or without one. */
const LEAVING = new Set([1000, 1005]);

/** Close codes that stand for the absence of a close frame and cannot be sent (RFC 6455 section 7.4.1). */
const UNSENDABLE = new Set([1004, 1005, 1006, 1015]);

/**
 * Completes the close handshake: the runtime does not answer for hibernatable sockets (workerd 1.20261023, whatever
 * `web_socket_auto_reply_to_close` says), and a peer that gets no answer reports 1006.
 */
function answerClose(socket: WebSocket, code: number, reason: string): void {
  if (code === 1006) return; // No close frame came: the connection is gone.
  try {
    socket.close(UNSENDABLE.has(code) ? 1000 : code, reason);
  } catch {
    // The room had closed it first.
  }
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}
