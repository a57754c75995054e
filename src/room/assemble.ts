import type { Revocations } from "../auth/revocations.ts";
import type { TokenVerifier } from "../auth/verifier.ts";
import type { Kind } from "../config/config.ts";
import { Counters } from "../metrics/counters.ts";
import { MemoryActBlocks, SqlActBlocks } from "./log/act-block-store.ts";
import { ActAdmission } from "./access/act-admission.ts";
import { Acts } from "./acts/acts.ts";
import { Announcements } from "./presence/announcements.ts";
import { Attempts } from "./access/attempts.ts";
import { RoomBudgets } from "../limits/room-budgets.ts";
import { Background } from "./lifetime/background.ts";
import { Clock } from "./lifetime/clock.ts";
import { Deadlines } from "./lifetime/deadlines.ts";
import { Leaves } from "./membership/leave.ts";
import { JoinQueue } from "./membership/join-queue.ts";
import { Joins } from "./membership/join.ts";
import { Vacancy } from "./lifetime/vacancy.ts";
import { Broadcast } from "./delivery/broadcast.ts";
import { CatchUp } from "./delivery/catch-up.ts";
import { Deliveries } from "./delivery/deliveries.ts";
import { MemoryRefFloors, SqlRefFloors } from "./log/ref-floors.ts";
import { KeptVolatile } from "./delivery/kept-volatile.ts";
import { Hooks } from "./hooks/hooks.ts";
import { Liveness } from "./connections/liveness.ts";
import { Log } from "./log/log.ts";
import { Members } from "./presence/members.ts";
import { MemorySegments } from "./log/memory-segments.ts";
import { UnreadWelcomes } from "./connections/unread-welcomes.ts";
import { Deduplication } from "./log/deduplication.ts";
import { Outbox } from "./delivery/outbox.ts";
import { Throttle } from "../limits/throttle.ts";
import { Penalties } from "./access/penalties.ts";
import { Capacity } from "./membership/capacity.ts";
import { Publishing } from "./acts/publishing.ts";
import { FlushSchedule } from "./delivery/flush-schedule.ts";
import { MeteredQueries } from "./acts/metered-queries.ts";
import { RevokedMembers } from "./membership/revocation.ts";
import { TokenRenewals } from "./access/token-renewal.ts";
import { Roster } from "./presence/roster.ts";
import { Sessions } from "./connections/sessions.ts";
import { SqlSegments } from "./log/sql-segments.ts";
import { MemoryState, SqlState } from "./state/state-store.ts";
import { State } from "./state/state.ts";
import { Tables } from "./tables.ts";
import { UsedTickets } from "./access/used-tickets.ts";

/**
 * The budget for frames that contain only presence, in frames per second. A frame that contains only joins counts as
 * four. A send takes 30-50 µs of the room's one thread. So presence takes at most a fifth of the thread, and a
 * twentieth during a storm of joins.
 */
const PRESENCE_FRAMES = { perSecond: 4_000, burst: 4_000 };

/** What the room needs to check tokens. */
export interface TokenChecks {
  readonly verifier: TokenVerifier;
  readonly revocations: Revocations;
}

/** The parts of a room. */
export type Assembly = ReturnType<typeof assemble>;

/** Creates the collaborators of a room of a kind. Each gets those that it needs. None owns a timer or the alarm. */
export function assemble(ctx: DurableObjectState, kind: Kind, { verifier, revocations }: TokenChecks) {
  const isStored = kind.history === "durable";
  const name = ctx.id.name ?? "";
  const tables = new Tables(ctx.storage);
  const limits = kind.history === "none" ? { ...kind, historyMaxMessages: 0 } : kind;
  const log = new Log(isStored ? new SqlSegments(tables) : new MemorySegments(), limits);
  const sessions = new Sessions(() => ctx.getWebSockets(), kind);
  const members = new Members(tables, sessions, kind);
  const attempts = new Attempts({ sessions, members });
  const present = (): ReadonlySet<string> => new Set(Array.from(members.all(), ({ session }) => session));
  const deduplication = new Deduplication(
    log,
    isStored ? new SqlActBlocks(tables) : new MemoryActBlocks(),
    isStored ? new SqlRefFloors(tables, present) : new MemoryRefFloors(present),
  );
  const isMember = (id: string): boolean => members.byId(id) !== undefined;
  const state = new State(isStored ? new SqlState(tables) : new MemoryState(), kind, isMember);
  const roster = new Roster(tables, members, kind.presenceListMax);
  const budgets = new RoomBudgets(kind);
  const counters = new Counters();
  const penalties = new Penalties(tables, kind, counters);
  const tickets = new UsedTickets(tables);
  const presence = new Announcements({ members, roster, throttle: new Throttle(PRESENCE_FRAMES) });
  const flushSchedule = new FlushSchedule(kind.volatilePerSecond);
  const deliveries = new Deliveries(sessions);
  const catchUp = new CatchUp({ log, sessions, members, roster, deliveries });
  const broadcast = new Broadcast({ log, deliveries, catchUp });
  const { keptVolatileChars } = kind;
  const keptVolatile = keptVolatileChars > 0 ? new KeptVolatile(keptVolatileChars, isMember) : undefined;
  const outbox = new Outbox(isStored, {
    name,
    log,
    deduplication,
    state,
    sessions,
    presence,
    deliveries,
    broadcast,
    keptVolatile,
  });
  const hooks = new Hooks(kind, name, { members, state, outbox });
  const leaves = new Leaves({ sessions, members, state, outbox, hooks, keptVolatile });
  const publishing = new Publishing(kind, { hooks, members, state, deduplication, outbox });
  const liveness = new Liveness(kind, sessions, (socket) => {
    return ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0;
  });
  const vacancy = new Vacancy(kind.emptyRoomTtlMs, { tables, sessions, members });
  const deadlines = new Deadlines({ liveness, members, vacancy }, (at) => void ctx.storage.setAlarm(at));
  const background = new Background();
  const renewals = new TokenRenewals({ verifier, revocations }, name, {
    sessions,
    attempts,
    members,
    outbox,
    deadlines,
    background,
  });
  const revokedMembers = new RevokedMembers(revocations, { sessions, members, leaves });
  background.addSource((now) => revokedMembers.ask(now));
  const joins = new Joins(kind, {
    log,
    outbox,
    sessions,
    attempts,
    members,
    capacity: new Capacity(kind, { members, sessions }),
    roster,
    state,
    catchUp,
    deliveries,
    keptVolatile,
    hooks,
    leaves,
    budgets,
    penalties,
    tickets,
    tables,
    revocations,
  });
  const queries = new MeteredQueries({ log, members, budgets, outbox, joins });
  const admission = new ActAdmission(kind, { sessions, attempts, members, budgets, penalties });
  const acts = new Acts(kind, {
    sessions,
    admission,
    outbox,
    catchUp,
    publishing,
    leaves,
    renewals,
    penalties,
    queries,
  });
  const unreadWelcomes = new UnreadWelcomes(sessions);
  const joinQueue = new JoinQueue((socket) => ctx.acceptWebSocket(socket), {
    name,
    joins,
    deadlines,
    unreadWelcomes,
    outbox,
  });
  return {
    tables,
    log,
    state,
    sessions,
    members,
    roster,
    outbox,
    deliveries,
    catchUp,
    flushSchedule,
    leaves,
    renewals,
    background,
    revokedMembers,
    acts,
    queries,
    joins,
    joinQueue,
    unreadWelcomes,
    liveness,
    vacancy,
    deadlines,
    counters,
    penalties,
    clock: new Clock(),
  };
}
