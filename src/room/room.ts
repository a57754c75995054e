import { DurableObject } from "cloudflare:workers";

import type { Revocation } from "../auth/revocations.ts";
import { kindOfRoom, type Config } from "../config/config.ts";
import { log } from "../metrics/log.ts";
import type { CloseName } from "../protocol/close-codes.ts";
import { CONTRACT_VERSION, JOIN_HEADER, decodeJoin } from "../protocol/contract.ts";
import { PING, PONG } from "../protocol/frames.ts";
import { repliesOver, collectReplies } from "./acts/replies.ts";
import type {
  ActOutcome,
  ActRequest,
  HistoryRange,
  MembersRange,
  Reader,
  ReadOutcome,
  RoomApi,
  RoomClass,
  RoomInfo,
} from "./api.ts";
import { adjustToClock } from "./clock-setback.ts";
import { answerClose, isLeaving } from "./connections/close-handshake.ts";
import { FairReading } from "./connections/fair-reading.ts";
import { refuse } from "./membership/join-queue.ts";
import { assemble, type Assembly, type TokenChecks } from "./assemble.ts";
import type { QueryResult } from "./acts/metered-queries.ts";
import { reap } from "./reaper.ts";
import { infoOf, queryHistory, queryMembers, queryState } from "./queries.ts";
import { combined } from "./delivery/flush-report.ts";
import { closeSocket, isExpired, type Session } from "./connections/sessions.ts";
import { NewerTables } from "./tables.ts";
import { Wakeup } from "./lifetime/wakeup.ts";

/** The alarm comes back after this long when its handler failed, in milliseconds. */
const ALARM_RETRY_MS = 60_000;

/**
 * Makes the Durable Object class that serves every kind of room.
 *
 * The class is wiring: it owns the clock, the sockets and the alarm, and hands each event to the collaborator whose
 * business it is. Every event is handled in one turn, and ends in a flush.
 */
export function defineRoomClass(config: Config, tokenChecks: TokenChecks): RoomClass {
  // The timer that attaches what was sent looks at new connections as well: a room must not stay awake for either.
  const looksInTime = config.server.attachAfterMs > 0;
  return class Room extends DurableObject implements RoomApi {
    readonly #room: Assembly;
    readonly #wakeup = new Wakeup(
      (at) => this.#turn((now) => this.#wake(at, now), { mayDelayFlush: true, at }),
      config.server.attachAfterMs,
    );
    readonly #fairReading = new FairReading<WebSocket>(
      (untilOpen) => void this.ctx.blockConcurrencyWhile(untilOpen),
      () => this.#turn(() => undefined, { mayDelayFlush: true }),
    );
    readonly #awakeSince = Date.now();

    constructor(ctx: DurableObjectState, env: unknown) {
      super(ctx, env as never);
      this.#room = assemble(ctx, kindOfRoom(config, ctx.id.name), tokenChecks);
      ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
      log("debug", "room_loaded", { room: ctx.id.name });
    }

    /** An internal upgrade with a join header; anything else is refused. */
    override async fetch(request: Request): Promise<Response> {
      const join = decodeJoin(request.headers.get(JOIN_HEADER));
      if (join === undefined)
        return refuse({
          code: "unavailable",
          message: "the room runs an older version of the server; retry",
        });
      const { deadlines, tables, joinQueue } = this.#room;
      if (!deadlines.isKnown) deadlines.assume(await this.ctx.storage.getAlarm());
      if (tables.areNewer)
        return refuse({
          code: "unavailable",
          message: "a newer version of the server has stored the room; retry later",
        });
      const queued = { join, protocol: request.headers.get("Sec-WebSocket-Protocol") };
      const now = Date.now();
      if (joinQueue.isFree(now)) return this.#turn((then) => joinQueue.join(queued, then));
      const answer = joinQueue.enqueue(queued);
      this.#wakeup.wakeAt(joinQueue.dueAt ?? now, now);
      return answer;
    }

    override webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): void | Promise<void> {
      this.#fairReading.received(socket, Date.now());
      // A client that does not answer the close can continue to send. The platform has no way to end its connection.
      if (this.#room.sessions.isGone(socket)) return;
      this.#socketTurn(
        socket,
        (now) => {
          const { acts, sessions, deliveries, outbox, counters } = this.#room;
          const session = sessions.of(socket);
          if (session === undefined) return;
          if (isExpired(session, now)) return deliveries.cutOff(session, "token_expired");
          sessions.heard(session, now);
          acts.receive(session.record, session, data, repliesOver(session, outbox, counters), now);
        },
        true,
      );
      return this.#follow();
    }

    override webSocketClose(socket: WebSocket, code: number, reason: string, wasClean: boolean): void {
      answerClose(socket, code, reason);
      this.#socketTurn(socket, (now) => {
        const session = this.#room.sessions.of(socket);
        if (session !== undefined && wasClean && isLeaving(code))
          this.#room.leaves.depart(session, now, "left");
        else if (session !== undefined) this.#lose(session, now);
        this.#room.sessions.ended(socket, now);
      });
    }

    override webSocketError(socket: WebSocket): void {
      this.#socketTurn(socket, (now) => {
        const session = this.#room.sessions.of(socket);
        if (session !== undefined) this.#lose(session, now);
        this.#room.sessions.ended(socket, now);
      });
    }

    /**
     * Ends what is overdue, the room itself too. The platform gives a failing alarm up after six retries, so it is armed
     * again whatever happens, and nothing of a failed one's work is kept.
     */
    override async alarm(): Promise<void> {
      this.#room.deadlines.came();
      try {
        this.ctx.storage.transactionSync(() => this.#handle((now) => reap(this.#room, now)));
        if ((this.#room.vacancy.at() ?? Infinity) <= Date.now()) return await this.#vanish();
        this.#room.deadlines.rearm(Date.now());
        await this.#follow();
      } catch (error) {
        await this.ctx.storage.setAlarm(Date.now() + ALARM_RETRY_MS);
        await this.ctx.storage.sync(); // An abort discards what is not written yet.
        if (!(error instanceof NewerTables)) this.#fail("alarm_failed", error);
      }
    }

    async act(request: ActRequest): Promise<ActOutcome> {
      if (request.v > CONTRACT_VERSION) return { refused: { code: "unavailable" }, results: [] };
      const { collected, isNew } = this.#turn((now) => {
        const { acts, sessions, renewals, counters, joins } = this.#room;
        const { isNew } = joins; // Acts may store something, even if the room rejects them.
        const session = sessions.byId(request.session);
        if (session !== undefined) sessions.heard(session, now);
        renewals.follow(request, now);
        const collected = collectReplies(counters);
        acts.receive(request, undefined, request.body, collected.replies, now);
        this.#flush(now);
        return { collected, isNew };
      });
      await this.#follow();
      return { ...collected.outcome(), ...(isNew && { isNew }) };
    }

    async info(): Promise<RoomInfo> {
      return this.#read((room) => infoOf(room, this.#awakeSince));
    }

    async history(range: HistoryRange, reader?: Reader): Promise<ReadOutcome | string> {
      return this.#answer(reader, (room, now) => queryHistory(room, range, now));
    }

    async members(range: MembersRange, reader?: Reader): Promise<ReadOutcome | string> {
      return this.#answer(reader, (room) => queryMembers(room, range));
    }

    async state(reader?: Reader): Promise<ReadOutcome | string> {
      return this.#answer(reader, queryState);
    }

    async revoke(revocation: Revocation): Promise<number> {
      return this.#turn((now) => this.#room.revokedMembers.remove(revocation, now));
    }

    async ready(): Promise<true> {
      this.ctx.storage.sql.exec("SELECT 1").one();
      return true;
    }

    /**
     * Handles one event. What was not foreseen ends the object before anyone has seen any of it; its members come
     * back, and find what was stored.
     */
    #turn<Value>(work: (now: number) => Value, how?: TurnOptions): Value {
      try {
        return this.#handle(work, how);
      } catch (error) {
        if (!(error instanceof NewerTables)) this.#fail("turn_failed", error);
        throw error;
      }
    }

    #answer(
      reader: Reader | undefined,
      read: (room: Assembly, now: number) => QueryResult,
    ): ReadOutcome | string {
      return this.#read((room, now) => room.queries.run(reader, () => read(room, now), now));
    }

    /** Reads what is there. What waits to be told is told first, so that no one reads of less than has happened. */
    #read<Value>(work: (room: Assembly, now: number) => Value): Value {
      return this.#turn((now) => {
        this.#flush(now);
        return work(this.#room, now);
      });
    }

    #socketTurn(socket: WebSocket, work: (now: number) => void, mayDelayFlush = false): void {
      if (this.#room.tables.areNewer) return closeSocket(socket, "upgrade");
      this.#turn(work, { woken: socket, mayDelayFlush });
    }

    /** Wakes the sessions, does the work, flushes, or sees that this is soon done. */
    #handle<Value>(
      work: (now: number) => Value,
      { woken, mayDelayFlush = false, at = 0 }: TurnOptions = {},
    ): Value {
      const now = Date.now();
      const { sessions, members, leaves, deadlines, vacancy } = this.#room;
      sessions.load(woken);
      const isFirstEvent = members.load(now);
      adjustToClock(this.#room, isFirstEvent, now);
      const wasOccupied = !vacancy.isEmpty;
      if (isFirstEvent) {
        // After a crash no close event says who was lost, and no alarm may be set.
        leaves.endOverdue(now);
        if (members.nextDeparture() !== undefined) deadlines.rearm(now);
      }
      const value = work(now);
      if (mayDelayFlush && this.#delaysFlush(Math.max(at, now))) return value; // A clock that was set back holds no one up.
      this.#flush(now);
      if (!vacancy.isEmpty) {
        if (!wasOccupied) vacancy.end();
      } else if (wasOccupied || (isFirstEvent && !vacancy.hasBegun)) {
        vacancy.begin(now);
        deadlines.rearm(now);
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

    /** What takes a while takes effect in turns of its own: the check of new tokens, the news of revoked ones. */
    #follow(): void | Promise<void> {
      const { renewals, revokedMembers } = this.#room;
      const news = revokedMembers.ask(Date.now());
      const checks = [...renewals.takeChecks(), ...(news === undefined ? [] : [news])];
      if (checks.length === 0) return;
      return Promise.all(checks.map(async (check) => this.#turn(await check))).then(() => undefined);
    }

    /** Whether what has happened may be told together with what follows; then the timer sees to it. */
    #delaysFlush(now: number): boolean {
      const { outbox, deliveries, catchUp, flushSchedule, vacancy } = this.#room;
      const dueAt = flushSchedule.dueAt(outbox.waiting, now);
      if (dueAt <= now || deliveries.hasLeftBehind || catchUp.queuedUntil !== undefined || vacancy.isEmpty)
        return false;
      if (outbox.isEmpty) this.#tend(now);
      else this.#wakeup.wakeAt(dueAt, now);
      return true;
    }

    /** Sends everything. A slow connection is closed by this, which a further flush announces to the other members. */
    #flush(now: number): void {
      const { outbox, deadlines, liveness, flushSchedule, unreadWelcomes } = this.#room;
      for (const session of unreadWelcomes.takeLost(now)) this.#lose(session, now, "silent");
      let report = outbox.flush(now);
      let all = report;
      while (report.slow.length > 0) {
        for (const session of report.slow) this.#lose(session, now);
        report = outbox.flush(now);
        all = combined(all, report);
      }
      flushSchedule.flushed(all.sends, all.stored, now);
      for (const session of all.stalled) deadlines.end(liveness.stalledBy(session) ?? now, now);
      this.#tend(now);
    }

    /** Makes sure that the room wakes for waiting work. */
    #tend(now: number): void {
      const { outbox, catchUp, joinQueue, counters, unreadWelcomes, sessions } = this.#room;
      const waits = [
        outbox.presence.heldUntil,
        catchUp.queuedUntil,
        catchUp.heldUntil,
        joinQueue.dueAt,
        counters.dueAt(now),
        looksInTime ? unreadWelcomes.checkAt : undefined,
      ];
      this.#wakeup.tend(sessions, waits, now);
    }

    #wake(at: number, now: number): void {
      const { flushSchedule, catchUp, outbox, counters, joinQueue } = this.#room;
      flushSchedule.came(at, now);
      counters.tell({ room: this.ctx.id.name }, Math.max(at, now));
      joinQueue.drain(now);
      if (catchUp.queuedUntil === undefined && (catchUp.heldUntil ?? Infinity) > Math.max(at, now)) return;
      outbox.send(now); // A connection that catches up is live, so it must have received everything.
      catchUp.goOn(now, Math.max(at, now));
    }

    #fail(event: string, error: unknown): void {
      const stack = (error as Error | undefined)?.stack;
      log("error", event, { room: this.ctx.id.name, reason: String(error), stack });
      this.ctx.abort(event);
    }

    #lose(session: Session, now: number, close?: CloseName): void {
      const graceUntil = this.#room.leaves.lose(session, now, "disconnected", close);
      if (graceUntil !== undefined) this.#room.deadlines.end(graceUntil, now);
    }
  };
}

/** How a turn comes about. */
interface TurnOptions {
  /** The socket whose event it is. */
  readonly woken?: WebSocket;
  /** Whether what comes of it may wait to be told. */
  readonly mayDelayFlush?: boolean;
  /** When it should have come, Unix milliseconds. */
  readonly at?: number;
}
