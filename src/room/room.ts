import { DurableObject } from "cloudflare:workers";

import type { Revocation } from "../auth/revocations.ts";
import { kindOfRoom, type Config } from "../config/config.ts";
import { log } from "../metrics/log.ts";
import type { CloseName } from "../protocol/close-codes.ts";
import { ANSWERED, CONTRACT_VERSION, JOIN_HEADER, decodeJoin } from "../protocol/contract.ts";
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
import { waitersOf } from "./waiters.ts";

/** The delay after which the alarm is repeated if its handler failed, in milliseconds. */
const ALARM_RETRY_MS = 60_000;

/**
 * A room: the Durable Object that serves one room of any kind.
 *
 * This class only wires parts together. It owns the clock, the sockets and the alarm, and passes each event to the part that
 * handles it. Every event is handled in one turn, and ends in a flush.
 */
class Room extends DurableObject implements RoomApi {
  readonly #room: Assembly;
  readonly #wakeup: Wakeup;
  /** Whether a timer may check new connections. A room that attaches without a timer must not stay awake for them either. */
  readonly #checksWelcomes: boolean;
  readonly #fairReading = new FairReading<WebSocket>(
    (untilOpen) => void this.ctx.blockConcurrencyWhile(untilOpen),
    () => {
      if (!this.#room.tables.areNewer) this.#turn(() => undefined, { mayDelayFlush: true });
    },
  );
  readonly #awakeSince = Date.now();

  constructor(ctx: DurableObjectState, env: unknown, config: Config, tokenChecks: TokenChecks) {
    super(ctx, env as never);
    const { attachAfterMs } = config.server;
    this.#room = assemble(ctx, kindOfRoom(config, ctx.id.name), tokenChecks);
    const waiters = waitersOf(this.#room, ctx.id.name);
    this.#wakeup = new Wakeup((plannedAt) => this.#wake(plannedAt), waiters, attachAfterMs);
    this.#checksWelcomes = attachAfterMs > 0;
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
    log("room_loaded", { room: ctx.id.name });
  }

  /** Handles an upgrade with a join header, which the Worker sends. Rejects any other request. */
  override async fetch(request: Request): Promise<Response> {
    const join = decodeJoin(request.headers.get(JOIN_HEADER));
    if (join === undefined)
      return refuse({
        code: "unavailable",
        message: "the room runs an older version of the server; retry later",
      });
    const { tables, joinQueue } = this.#room;
    await this.#readAlarm();
    if (tables.areNewer)
      return refuse({
        code: "unavailable",
        message: "a newer version of the server has stored the room; retry later",
      });
    const queued = { join, protocol: request.headers.get("Sec-WebSocket-Protocol") };
    const now = Date.now();
    if (joinQueue.isFree(now)) return this.#turn((then) => joinQueue.join(queued, then));
    const answer = joinQueue.enqueue(queued);
    this.#wakeup.arm(now);
    return answer;
  }

  override webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): void | Promise<void> {
    // No `await` for each frame: only the first one after a load of the object waits.
    if (this.#room.deadlines.isKnown) return this.#receive(socket, data);
    return this.#readAlarm().then(() => this.#receive(socket, data));
  }

  #receive(socket: WebSocket, data: string | ArrayBuffer): void | Promise<void> {
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
    return this.#finishChecks();
  }

  override async webSocketClose(
    socket: WebSocket,
    code: number,
    reason: string,
    wasClean: boolean,
  ): Promise<void> {
    answerClose(socket, code, reason);
    await this.#readAlarm();
    this.#socketTurn(socket, (now) => {
      const session = this.#room.sessions.of(socket);
      if (session !== undefined && wasClean && isLeaving(code))
        this.#room.leaves.depart(session, now, "left");
      else if (session !== undefined) this.#lose(session, now);
      this.#room.sessions.ended(socket, now);
    });
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    await this.#readAlarm();
    this.#socketTurn(socket, (now) => {
      const session = this.#room.sessions.of(socket);
      if (session !== undefined) this.#lose(session, now);
      this.#room.sessions.ended(socket, now);
    });
  }

  /**
   * Ends overdue connections and graces, and deletes a room that has been empty for too long. The platform gives up a failing
   * alarm after six retries, so the room always sets it again. The work of a failed alarm is rolled back.
   */
  override async alarm(): Promise<void> {
    this.#room.deadlines.came();
    try {
      this.ctx.storage.transactionSync(() => this.#handle((now) => reap(this.#room, now)));
      if ((this.#room.vacancy.at() ?? Infinity) <= Date.now()) return await this.#vanish();
      this.#room.deadlines.rearm(Date.now());
      await this.#finishChecks();
    } catch (error) {
      await this.ctx.storage.setAlarm(Date.now() + ALARM_RETRY_MS);
      await this.ctx.storage.sync(); // An abort discards what is not written yet.
      if (!(error instanceof NewerTables)) this.#fail("alarm_failed", error);
    }
  }

  async act(request: ActRequest): Promise<ActOutcome> {
    if (request.v > CONTRACT_VERSION) return { refused: { code: "unavailable" }, results: [] };
    await this.#readAlarm();
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
    await this.#finishChecks();
    return { ...collected.outcome(), ...(isNew && { isNew }) };
  }

  async info(): Promise<RoomInfo> {
    await this.#readAlarm();
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
    await this.#readAlarm();
    return this.#turn((now) => this.#room.revokedMembers.remove(revocation, now));
  }

  async ready(): Promise<true> {
    this.ctx.storage.sql.exec("SELECT 1").one();
    return true;
  }

  /** Reads the time of the alarm once in the life of the object. No other event comes in between (the input gate). */
  async #readAlarm(): Promise<void> {
    const { deadlines } = this.#room;
    if (!deadlines.isKnown) deadlines.assume(await this.ctx.storage.getAlarm());
  }

  /**
   * Handles one event. An unexpected error ends the object before anyone has received anything of the event. Its members
   * reconnect and find what was stored.
   */
  #turn<Value>(work: Work<Value>, how?: TurnOptions): Value {
    try {
      return this.#handle(work, how);
    } catch (error) {
      if (!(error instanceof NewerTables)) this.#fail("turn_failed", error);
      throw error;
    }
  }

  async #answer(
    reader: Reader | undefined,
    read: (room: Assembly, now: number) => QueryResult,
  ): Promise<ReadOutcome | string> {
    await this.#readAlarm();
    return this.#read((room, now) => room.queries.run(reader, () => read(room, now), now));
  }

  /** Reads the room. Flushes first, so that the answer contains everything that has happened. */
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

  /** Loads the sessions, does the work, and flushes, or sets the timer to flush soon. */
  #handle<Value>(
    work: Work<Value>,
    { woken, mayDelayFlush = false, plannedAt = 0 }: TurnOptions = {},
  ): Value {
    const now = Date.now();
    const dueBy = Math.max(plannedAt, now);
    const { sessions, members, leaves, deadlines, vacancy } = this.#room;
    sessions.load(woken);
    const isFirstEvent = members.load(now);
    adjustToClock(this.#room, isFirstEvent, now);
    const wasOccupied = !vacancy.isEmpty;
    if (isFirstEvent) {
      // After a crash there are no close events of the lost connections, and the alarm may not be set.
      leaves.endOverdue(now);
      const departsAt = members.nextDeparture();
      if (departsAt !== undefined) deadlines.end(departsAt, now);
    }
    const value = work(now, dueBy);
    // A room that was empty does not delay the flush, so that the end of its vacancy is recorded in this turn.
    if (mayDelayFlush && wasOccupied && this.#delaysFlush(dueBy)) return value;
    this.#flush(now);
    if (!vacancy.isEmpty) {
      if (!wasOccupied) vacancy.end();
    } else if (wasOccupied || (isFirstEvent && !vacancy.hasBegun)) {
      vacancy.begin(now);
      deadlines.rearm(now);
    }
    return value;
  }

  /** Deletes everything, also the alarm, and ends the object, because its memory still holds the deleted room. */
  async #vanish(): Promise<void> {
    log("room_expired", { room: this.ctx.id.name });
    await this.ctx.storage.deleteAll();
    await this.ctx.storage.sync();
    this.ctx.abort("expired", { retryAlarm: false });
  }

  /** Waits for the background checks that have started, and gives each result a turn of its own. */
  #finishChecks(): void | Promise<void> {
    const checks = this.#room.background.take(Date.now());
    if (checks.length === 0) return;
    return Promise.all(checks.map(async (check) => this.#turn(await check))).then(() => undefined);
  }

  /** Whether the flush may wait for more. If so, sets the timer for it. */
  #delaysFlush(now: number): boolean {
    const { outbox, deliveries, catchUp, flushSchedule, vacancy } = this.#room;
    const dueAt = flushSchedule.dueAt(outbox.waiting, now);
    if (dueAt <= now || deliveries.hasChanged || catchUp.queuedUntil !== undefined || vacancy.isEmpty)
      return false;
    if (outbox.isEmpty) this.#tend(now);
    else this.#wakeup.arm(now, dueAt);
    return true;
  }

  /** Sends everything. This may close slow connections, which a further flush announces to the other members. */
  #flush(now: number): void {
    const { outbox, deadlines, liveness, flushSchedule, sessions, unreadWelcomes } = this.#room;
    for (const session of unreadWelcomes.takeLost(now)) this.#lose(session, now, "silent");
    let report = outbox.flush(now);
    let all = report;
    while (report.slow.length > 0) {
      for (const session of report.slow) this.#lose(session, now);
      report = outbox.flush(now);
      all = combined(all, report);
    }
    flushSchedule.flushed(all.sends, all.stored, now);
    for (const session of all.answered) this.#endPoll(session, now);
    for (const session of all.stalled)
      if (sessions.has(session)) deadlines.end(liveness.stalledBy(session) ?? now, now);
    this.#tend(now);
  }

  /** Attaches changes that are due, and sets the timer for the work that waits. */
  #tend(now: number): void {
    const { outbox, unreadWelcomes, sessions } = this.#room;
    const announceAt = outbox.presence.heldUntil ?? Infinity;
    const checkAt = (this.#checksWelcomes ? unreadWelcomes.checkAt : undefined) ?? Infinity;
    this.#wakeup.tend(sessions, now, Math.min(announceAt, checkAt));
  }

  /** Handles a turn of the timer. */
  #wake(plannedAt: number): void {
    const work = (now: number, dueBy: number): void => {
      this.#room.flushSchedule.came(plannedAt, now);
      this.#wakeup.run(now, dueBy);
    };
    this.#turn(work, { mayDelayFlush: true, plannedAt });
  }

  #fail(event: "alarm_failed" | "turn_failed", error: unknown): void {
    const stack = (error as Error | undefined)?.stack;
    log(event, { room: this.ctx.id.name, reason: String(error), stack });
    this.ctx.abort(event);
  }

  /** Ends the connection of a poll that has its response. Its member is kept until the next poll. */
  #endPoll(session: Session, now: number): void {
    if (!this.#room.sessions.has(session)) return;
    this.#lose(session, now);
    session.socket.close(ANSWERED.code, ANSWERED.reason);
  }

  #lose(session: Session, now: number, close?: CloseName): void {
    const graceUntil = this.#room.leaves.lose(session, now, "disconnected", close);
    if (graceUntil !== undefined) this.#room.deadlines.end(graceUntil, now);
  }
}

/** Makes the Durable Object class that serves every kind of room, with the configuration of this server. */
export function defineRoomClass(config: Config, tokenChecks: TokenChecks): RoomClass {
  return class ConfiguredRoom extends Room {
    constructor(ctx: DurableObjectState, env: unknown) {
      super(ctx, env, config, tokenChecks);
    }
  };
}

/** @param dueBy work that was planned until this time is due. It is later than `now` if the clock was set back */
type Work<Value> = (now: number, dueBy: number) => Value;

/** The origin of a turn. */
interface TurnOptions {
  /** The socket of the event. */
  readonly woken?: WebSocket;
  /** Whether the flush may be delayed. */
  readonly mayDelayFlush?: boolean;
  /** When its timer should have fired, Unix milliseconds. Absent if it is not a turn of the timer. */
  readonly plannedAt?: number;
}
