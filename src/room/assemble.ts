import type { Revocations } from "../auth/revocations.ts";
import type { TokenVerifier } from "../auth/verifier.ts";
import type { Kind } from "../config/config.ts";
import { Counters } from "../metrics/counters.ts";
import { MemoryActBlocks, SqlActBlocks } from "./log/act-block-store.ts";
import { Acts } from "./acts/acts.ts";
import { Announcements } from "./presence/announcements.ts";
import { Attempts } from "./access/attempts.ts";
import { Budgets } from "../limits/room-budgets.ts";
import { Clock } from "./lifetime/clock.ts";
import { Deadlines } from "./lifetime/deadlines.ts";
import { Departures } from "./membership/leave.ts";
import { Door } from "./membership/join-queue.ts";
import { Entrance } from "./membership/join.ts";
import { Expiry } from "./lifetime/vacancy.ts";
import { FanOut } from "./delivery/fan-out.ts";
import { MemoryFloors, SqlFloors } from "./log/ref-floors.ts";
import { Hooks } from "./hooks/hooks.ts";
import { Liveness } from "./connections/liveness.ts";
import { Log } from "./log/log.ts";
import { Members } from "./presence/members.ts";
import { MemorySegments } from "./log/memory-segments.ts";
import { Newcomers } from "./connections/unread-welcomes.ts";
import { Once } from "./log/deduplication.ts";
import { Outbox } from "./delivery/outbox.ts";
import { Pace } from "../limits/throttle.ts";
import { Penalties } from "./access/penalties.ts";
import { Places } from "./membership/capacity.ts";
import { Publishing } from "./acts/publishing.ts";
import { Pulse } from "./delivery/flush-schedule.ts";
import { Reading } from "./acts/metered-queries.ts";
import { Removals } from "./membership/revocation.ts";
import { Renewals } from "./access/token-renewal.ts";
import { Roster } from "./presence/roster.ts";
import { Sessions } from "./connections/sessions.ts";
import { SqlSegments } from "./log/sql-segments.ts";
import { MemoryState, SqlState } from "./state/state-store.ts";
import { State } from "./state/state.ts";
import { Tables } from "./tables.ts";
import { UsedTickets } from "./access/used-tickets.ts";

/**
 * Frames a second that tell of nothing but who came and went, where one that tells only who came counts as four: a send
 * costs 30-50 µs of a room's one thread, so this is a fifth of it, and a twentieth while a crowd comes in.
 */
const PRESENCE_FRAMES = { perSecond: 4_000, burst: 4_000 };

/** What tells whether a token is good. */
export interface Warrants {
  readonly verifier: TokenVerifier;
  readonly revocations: Revocations;
}

/** A room's collaborators. */
export type Parts = ReturnType<typeof assemble>;

/** Makes a room of a kind: each collaborator gets those it needs, and none owns a timer or the alarm. */
export function assemble(ctx: DurableObjectState, kind: Kind, { verifier, revocations }: Warrants) {
  const isStored = kind.history === "durable";
  const name = ctx.id.name ?? "";
  const tables = new Tables(ctx.storage);
  const limits = kind.history === "none" ? { ...kind, historyMaxMessages: 0 } : kind;
  const log = new Log(isStored ? new SqlSegments(tables) : new MemorySegments(), limits);
  const sessions = new Sessions(() => ctx.getWebSockets(), kind);
  const members = new Members(tables, sessions, kind);
  const attempts = new Attempts({ sessions, members });
  const present = (): ReadonlySet<string> => new Set(Array.from(members.all(), ({ session }) => session));
  const once = new Once(
    log,
    isStored ? new SqlActBlocks(tables) : new MemoryActBlocks(),
    isStored ? new SqlFloors(tables, present) : new MemoryFloors(present),
  );
  const isMember = (id: string): boolean => members.byId(id) !== undefined;
  const state = new State(isStored ? new SqlState(tables) : new MemoryState(), kind, isMember);
  const roster = new Roster(tables, kind.presenceListMax);
  const budgets = new Budgets(kind);
  const counters = new Counters();
  const penalties = new Penalties(tables, kind, counters);
  const tickets = new UsedTickets(tables);
  const presence = new Announcements({ members, roster, pace: new Pace(PRESENCE_FRAMES) });
  const pulse = new Pulse(kind.volatilePerSecond);
  const fanOut = new FanOut({ log, sessions, members, roster });
  const outbox = new Outbox(isStored, { log, once, state, sessions, presence, fanOut });
  const hooks = new Hooks(kind, name, { members, state, outbox });
  const departures = new Departures({ sessions, members, state, outbox, hooks });
  const publishing = new Publishing(kind, { hooks, members, state, once, outbox });
  const liveness = new Liveness(kind, sessions, (socket) => {
    return ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0;
  });
  const expiry = new Expiry(tables, sessions, members, kind.emptyRoomTtlMs);
  const deadlines = new Deadlines({ liveness, members, expiry }, (at) => void ctx.storage.setAlarm(at));
  const renewals = new Renewals({ verifier, revocations }, name, {
    sessions,
    attempts,
    members,
    outbox,
    deadlines,
  });
  const removals = new Removals(revocations, { sessions, members, departures });
  const entrance = new Entrance(kind, {
    log,
    outbox,
    sessions,
    attempts,
    members,
    places: new Places(kind, { members, sessions }),
    roster,
    state,
    fanOut,
    hooks,
    departures,
    budgets,
    penalties,
    tickets,
    tables,
    revocations,
  });
  const reading = new Reading({ log, sessions, members, budgets, outbox, entrance });
  const acts = new Acts(kind, {
    sessions,
    attempts,
    members,
    budgets,
    outbox,
    fanOut,
    publishing,
    departures,
    renewals,
    penalties,
    reading,
  });
  const newcomers = new Newcomers(sessions);
  const door = new Door((socket) => ctx.acceptWebSocket(socket), { entrance, deadlines, newcomers, outbox });
  return {
    ...{ tables, log, state, sessions, members, roster, outbox, fanOut, pulse },
    ...{
      departures,
      renewals,
      removals,
      acts,
      reading,
      entrance,
      door,
      newcomers,
      liveness,
      expiry,
      deadlines,
    },
    ...{ counters, penalties, clock: new Clock() },
  };
}
