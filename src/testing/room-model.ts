import { KIND_OPTIONS } from "../config/kind-options.ts";
import { CLOSE_CODES, type CloseName } from "../protocol/close-codes.ts";
import { defined } from "../protocol/defined.ts";
import { encodeFrame } from "../protocol/encode.ts";
import { MAX_SET_KEYS, type LeaveReason, type MemberEntry, type WelcomeFrame } from "../protocol/frames.ts";
import type { Identity } from "../protocol/ids.ts";
import { jsonText } from "../protocol/json-text.ts";
import type { Json } from "../protocol/json.ts";
import { dataPayload, encodeEntry, messageParts, stateParts, type EntryParts } from "../protocol/messages.ts";
import { err, ok, type Result } from "../protocol/result.ts";
import { PROTOCOL_VERSION } from "../protocol/version.ts";
import type { Actor, Channel, Connection } from "./connection.ts";
import { FakeLog, type LogEntry } from "./fake-log.ts";
import type { FakeRoom, PublishOptions } from "./fake-room.ts";
import { FakeState, type Change } from "./fake-state.ts";
import type { JoinRequest } from "./join-request.ts";
import { Outbox } from "./outbox.ts";

/** A member, connected or in its grace period. */
interface Member extends Identity {
  readonly user: string;
  /** Presence data, JSON text. */
  readonly data: string | undefined;
}

/** The sender of what the room itself does (rule K2). */
const ROOM = { from: "room", user: "" } as const;

/** The options that a welcome names, with their defaults. */
const NAMED_LIMITS = [
  ...(["maxFrameBytes", "maxPresenceBytes", "maxRefusals", "maxStateKeys", "maxStateBytes"] as const),
  ...(["windowChars", "messagesPerSecond", "messagesBurst", "bytesPerSecond", "bytesBurst"] as const),
];

/**
 * A room in memory. It has no timers and no limits on rates. Each call is a turn: whatever happens in it is sent in one frame
 * to each connection.
 */
export class RoomModel implements FakeRoom {
  readonly name: string;
  readonly history = new FakeLog();
  readonly shared = new FakeState();
  readonly #now: () => number;
  readonly #identify: (user: string, key: string) => Identity;
  readonly #members = new Map<string, Member>();
  readonly #connections = new Map<string, Connection>();
  /** The newest attempt number of each session (rule J11). */
  readonly #attempts = new Map<string, number>();
  #outbox = new Outbox();
  #lastTime = 0;
  #lives = 1;
  #rosters = 0;

  constructor(name: string, now: () => number, identify: (user: string, key: string) => Identity) {
    this.name = name;
    this.#now = now;
    this.#identify = identify;
  }

  get members(): readonly MemberEntry[] {
    return Array.from(this.#members.values(), entryOf);
  }

  get connections(): number {
    return this.#connections.size;
  }

  get log(): readonly LogEntry["frame"][] {
    return this.history.frames;
  }

  get state(): ReadonlyMap<string, Json> {
    return this.shared.values;
  }

  /** The end of the log. */
  get position(): string {
    return this.history.positionAt(this.history.head);
  }

  get outbox(): Outbox {
    return this.#outbox;
  }

  memberOf(id: string): MemberEntry | undefined {
    const member = this.#members.get(id);
    return member && entryOf(member);
  }

  connectionOf(session: string): Connection | undefined {
    return this.#connections.get(session);
  }

  newestAttemptOf(session: string): number {
    return this.#attempts.get(session) ?? 0;
  }

  /** The sender behind the pair of a session header; `undefined` if they do not belong together. */
  actorOf(session: string, user: string, key: string): Actor | undefined {
    const identity = this.#identify(user, key);
    return identity.session === session ? { ...identity, user } : undefined;
  }

  /** Joins a client, unless its session has a newer connection. */
  join(request: JoinRequest, user: string, channel: Channel): Result<Connection> {
    const { key, mode, viewOnly } = request;
    const identity = this.#identify(user, key);
    const newest = this.newestAttemptOf(identity.session);
    if (request.attempt !== undefined && request.attempt < newest)
      return err({ code: "superseded", try: newest });
    const older = this.#connections.get(identity.session);
    if (older !== undefined) this.#disconnect(older, "replaced");
    const attempt = request.attempt ?? Math.max(this.#time(), newest + 1);
    const connection = { ...identity, user, attempt, mode, viewOnly, channel };
    this.#attempts.set(identity.session, attempt);
    this.#connections.set(identity.session, connection);
    if (viewOnly) this.end(identity.member, "left");
    else this.#arrive({ ...identity, user, data: request.presence });
    this.flush(connection);
    this.#welcome(connection, request);
    return ok(connection);
  }

  /** Runs a turn: everything that it causes is sent together. */
  turn(work: () => void): void {
    work();
    this.flush();
  }

  /** Records a message or a state change. Returns its offset. */
  record(parts: EntryParts): number {
    const { text, frame } = this.history.append(parts, this.#time());
    this.outbox.recorded.push({ ...frame, text });
    return frame.offset;
  }

  /** Records a change of the state. Returns its offset. */
  change(origin: { readonly from: string; readonly user: string }, change: Change, owner?: string): number {
    const offset = this.record(stateParts(origin, change.set, change.delete));
    this.shared.apply(change, offset, owner);
    return offset;
  }

  /** Queues a volatile message. It replaces an older one of its slot. */
  send(parts: EntryParts, slot: string): void {
    const { type, from, to } = parts;
    this.outbox.volatile.delete(slot);
    this.outbox.volatile.set(slot, {
      ...{ type, from, text: encodeEntry(parts, this.#time(), undefined) },
      ...(to !== undefined && { to }),
    });
  }

  /** Replaces a member's presence data, JSON text. */
  setPresence(id: string, data: string): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    this.#members.set(id, { ...member, data });
    this.#announce(id, "updated");
  }

  /** Ends a connection and its membership. The member still receives what happened before. */
  depart(connection: Connection, reason: LeaveReason, close: CloseName): void {
    this.#connections.delete(connection.session);
    this.outbox.farewells.set(connection, close);
    this.end(connection.member, reason);
  }

  /** Ends a membership, and deletes the keys of the state that the member owns. */
  end(id: string, reason: LeaveReason): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    const keys = this.shared.ownedBy(id);
    for (let first = 0; first < keys.length; first += MAX_SET_KEYS) {
      const deleted = keys.slice(first, first + MAX_SET_KEYS);
      this.change({ from: id, user: member.user }, { set: new Map(), delete: deleted });
    }
    this.#members.delete(id);
    this.outbox.left.push({ id, reason });
    this.#rosters++;
  }

  /** The connection has ended from the client's side: its member leaves, or enters its grace period. */
  ended(connection: Connection, isLeaving: boolean): void {
    if (this.#connections.get(connection.session) !== connection) return;
    this.turn(() => {
      this.#connections.delete(connection.session);
      if (isLeaving) this.end(connection.member, "left");
    });
  }

  publish(event: string, data: Json, { to, volatile = false }: PublishOptions = {}): void {
    const parts = messageParts({ ...ROOM, to }, event, dataPayload(jsonText(data)));
    this.turn(() =>
      volatile ? this.send(parts, JSON.stringify([ROOM.from, event, to])) : this.record(parts),
    );
  }

  set(
    values: Readonly<Record<string, Json>>,
    { delete: deleted = [] }: { readonly delete?: readonly string[] } = {},
  ): void {
    const set = new Map(Object.entries(values).map(([key, value]) => [key, jsonText(value)]));
    this.turn(() => this.change(ROOM, { set, delete: deleted }));
  }

  drop(member?: string): void {
    for (const connection of this.#connectionsOf(member)) {
      this.#connections.delete(connection.session);
      connection.channel.cut();
    }
  }

  endGrace(member?: string): void {
    const absent = [...this.#members.values()].filter(({ session }) => !this.#connections.has(session));
    this.turn(() => {
      for (const each of absent)
        if (member === undefined || each.member === member) this.end(each.member, "timeout");
    });
  }

  close(name: CloseName, member?: string): void {
    const isFinal = CLOSE_CODES[name].recovery === "do not retry";
    this.turn(() => {
      for (const connection of this.#connectionsOf(member)) {
        if (isFinal) this.depart(connection, "removed", name);
        else this.#disconnect(connection, name);
      }
    });
  }

  trim(): void {
    this.history.trim();
  }

  /** Begins another life of the room. Without its history it has another log, and an empty state. */
  restart(isHistoryLost: boolean): void {
    this.close("restart");
    this.#lives++;
    if (!isHistoryLost) return;
    this.history.begin();
    this.shared.clear();
  }

  /** Sends everything that has happened. A newcomer receives nothing of it, because its welcome follows. */
  flush(newcomer?: Connection): void {
    const outbox = this.#outbox;
    outbox.settle();
    this.#outbox = new Outbox();
    const roster = { revision: this.#roster, count: this.#members.size };
    const send = (connection: Connection, isGone: boolean): void => {
      const text = outbox.textFor(connection, roster, isGone);
      if (text !== undefined) connection.channel.send(text, this.position);
    };
    for (const connection of [...this.#connections.values()])
      if (connection !== newcomer) send(connection, false);
    for (const [connection, close] of outbox.farewells) {
      send(connection, true);
      connection.channel.close(CLOSE_CODES[close].code, CLOSE_CODES[close].text);
    }
  }

  get #roster(): string {
    return `${this.#lives}.${this.#rosters}`;
  }

  /** The time for what happens now. It never decreases (rule F6). */
  #time(): number {
    this.#lastTime = Math.max(this.#lastTime, this.#now());
    return this.#lastTime;
  }

  #arrive(arrived: Member): void {
    const before = this.#members.get(arrived.member);
    const data = arrived.data ?? before?.data;
    this.#members.set(arrived.member, { ...arrived, data });
    if (before === undefined || before.data !== data)
      this.#announce(arrived.member, before === undefined ? "joined" : "updated");
  }

  #announce(id: string, news: "joined" | "updated"): void {
    const member = this.memberOf(id);
    if (member !== undefined) this.outbox[news].set(id, member);
    this.#rosters++;
  }

  /** The connection of a member, or all connections. */
  #connectionsOf(member: string | undefined): readonly Connection[] {
    return [...this.#connections.values()].filter(
      (connection) => member === undefined || connection.member === member,
    );
  }

  #disconnect({ session, channel }: Connection, name: CloseName): void {
    this.#connections.delete(session);
    channel.close(CLOSE_CODES[name].code, CLOSE_CODES[name].text);
  }

  #welcome(connection: Connection, { key, after, rewind, roster, state }: JoinRequest): void {
    const { session, member, user, attempt, mode, viewOnly, channel } = connection;
    const { history, position: head } = this;
    const start = history.startOf(after, rewind);
    const hasState = start.recovered !== true || state;
    const welcome: WelcomeFrame = defined({
      ...{ type: "welcome" as const, protocol: PROTOCOL_VERSION, session, key, member },
      ...{ user: user || undefined, try: attempt, viewOnly: viewOnly || undefined },
      ...{ time: this.#time(), history: "durable" as const },
      ...{ position: history.positionAt(start.offset), head },
      ...{ recovered: start.recovered, reason: start.reason },
      ...{ mode, roster: this.#roster, count: this.#members.size },
      members: mode === "list" && roster !== this.#roster ? this.members : undefined,
      state: hasState ? this.shared.snapshot : undefined,
      stateOffset: hasState ? history.head : undefined,
      pingIntervalMs: KIND_OPTIONS.pingIntervalMs.default,
      silenceTimeoutMs: KIND_OPTIONS.silenceTimeoutMs.default,
      limits: Object.fromEntries(NAMED_LIMITS.map((name) => [name, KIND_OPTIONS[name].default])),
    });
    channel.send(encodeFrame(welcome), welcome.position);
    if (start.offset === history.head) return;
    const viewer = { member: viewOnly ? undefined : member, seesState: true };
    const missed = history.after(start.offset, viewer).map(({ text }) => text);
    if (missed.length > 0) channel.send(`[${missed.join(",")}]`, head);
    channel.send(encodeFrame({ type: "position", position: head, reason: "replayed" }), head);
  }
}

function entryOf({ member: id, user, data }: Member): MemberEntry {
  return defined({
    id,
    user: user || undefined,
    data: data === undefined ? undefined : (JSON.parse(data) as Json),
  });
}
