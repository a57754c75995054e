import { OPTIONS } from "../../../src/config/options.ts";
import type { LeaveReason } from "../../../src/protocol/frames.ts";
import type { Json } from "../../../src/protocol/json.ts";
import { parsePosition, type UnrecoveredReason } from "../../../src/protocol/positions.ts";
import type { Connection } from "./connection.ts";
import { endedMembershipsIn, follow, type Found, type ActQueue } from "./act-queues.ts";
import { isFor, type Recorded, type RecordedFrame } from "./recorded.ts";
import { changed, type Shared } from "./shared.ts";

/** A member as the room should have it. */
interface Listed {
  readonly data: Json | undefined;
  /** When its grace ends, Unix milliseconds; absent while it is connected. */
  readonly graceUntil: number | undefined;
}

/** What clients receive about a member. */
export type Change =
  | { readonly what: "joined" | "updated"; readonly id: string; readonly data: Json | undefined }
  | { readonly what: "left"; readonly id: string; readonly reason: LeaveReason };

/** Where a joining client starts, and the room's answer about its position. */
export interface Start {
  readonly offset: number;
  readonly recovered?: boolean;
  readonly reason?: UnrecoveredReason;
}

/**
 * The promises of a room without sockets, storage or sleep: its log, its members, and what each connection must
 * receive.
 *
 * It foresees all but one thing: in which order the room takes what several clients say at once, and how much of that
 * a crash leaves. That it learns in {@link adopt}: from the storage, and from which attempts the room rejected.
 */
export class Model {
  readonly ids: readonly string[];
  /** Unix milliseconds. */
  now: number;
  /** The number of steps so far. */
  step = 0;
  /** The epoch of the log; unknown until the first join. */
  epoch: string | undefined;
  readonly formerEpochs: string[] = [];
  log: Recorded[] = [];
  /** The shared state at each offset, from 0 on. */
  states: Shared[] = [new Map()];
  readonly members = new Map<string, Listed>();
  /** The live connections, at most one for each member. */
  readonly connections = new Set<Connection>();
  /** Every volatile message that was ever published. */
  readonly volatile = new Set<string>();
  /** What was stored or not stored in the last step in violation of a promise. */
  found: Found = { unexpected: [], wrong: [], missing: [] };
  readonly #graceMs: number;
  /** What is being recorded: in order within each queue, in any order between queues. */
  #queues: ActQueue[] = [];
  #mayLose = false;
  #hasCrashed = false;
  #emptySince: number | undefined;

  /** @param ids all possible members */
  constructor(ids: readonly string[], graceMs: number, now: number) {
    this.ids = ids;
    this.#graceMs = graceMs;
    this.now = now;
  }

  /** The end of the log, including what ends of memberships are adding to it. */
  get head(): number {
    return this.log.length + endedMembershipsIn(this.#queues, this.state);
  }

  /** The shared state as of the last step. */
  get state(): Shared {
    return this.states.at(-1) ?? new Map();
  }

  /** The offset after which messages are still served. */
  get floor(): number {
    const oldest = this.now - OPTIONS.historyMaxAgeMs.default;
    return this.log.filter(({ time = this.now }) => time < oldest).length;
  }

  /** The members with their presence data as text. */
  list(): ReadonlyMap<string, string> {
    return new Map([...this.members].map(([id, { data }]) => [id, textOfData(data)]));
  }

  connectionOf(id: string): Connection | undefined {
    for (const connection of this.connections) if (connection.client.id === id) return connection;
    return undefined;
  }

  /** Records that an event reaches the room. The first event after a crash detects the lost members. */
  wake(): void {
    if (!this.#hasCrashed) return;
    this.#hasCrashed = false;
    for (const [id, { graceUntil }] of this.members) if (graceUntil === undefined) this.lose(id, "timeout");
  }

  /** Decides from where a reconnecting client can resume. */
  resume(text: string): Start {
    const refused = (reason: UnrecoveredReason): Start => ({ offset: this.head, recovered: false, reason });
    const position = parsePosition(text);
    if (position === undefined) return refused("malformed");
    if (position.epoch !== this.epoch) return refused("epoch");
    if (position.offset > this.head) return refused("ahead");
    if (position.offset < this.floor) return refused("trimmed");
    return { offset: position.offset, recovered: true };
  }

  /** Adds a member that has connected. An older connection of it has ended. */
  arrive(id: string, presence: Json | undefined): void {
    this.#disconnect(id);
    const before = this.members.get(id);
    const data = presence ?? before?.data;
    this.members.set(id, { data, graceUntil: undefined });
    if (before === undefined) this.#tell({ what: "joined", id, data });
    else if (before.data !== data) this.#tell({ what: "updated", id, data });
  }

  /** Changes a member's presence data. */
  setPresence(id: string, data: Json): void {
    this.members.set(id, { data, graceUntil: this.members.get(id)?.graceUntil });
    this.#tell({ what: "updated", id, data });
  }

  /** Records a lost connection. Its member may reconnect within the grace, if there is one. */
  lose(id: string, reason: LeaveReason): void {
    const connection = this.#disconnect(id);
    if (connection !== undefined) this.#cut(connection);
    const member = this.members.get(id);
    if (this.#graceMs === 0) this.endMembership(id, reason);
    else if (member !== undefined) this.members.set(id, { ...member, graceUntil: this.now + this.#graceMs });
  }

  /** Ends a membership and its own keys, in the queue of the member's earlier acts. */
  endMembership(id: string, reason: LeaveReason, queue?: ActQueue): void {
    const connection = this.#disconnect(id);
    if (connection !== undefined && queue === undefined) this.#cut(connection);
    if (!this.members.delete(id)) return;
    (queue ?? this.newQueue()).push({ leaves: id });
    if (this.members.size === 0) this.#emptySince = this.now;
    this.#tell({ what: "left", id, reason });
  }

  /** Closes connections whose heartbeat has timed out, all in one step. */
  fallSilent(silent: readonly Connection[]): void {
    for (const connection of silent) this.#cut(connection);
    for (const { client } of silent) this.lose(client.id, "timeout");
  }

  /** Ends the memberships whose grace has ended. */
  endGraces(): void {
    for (const [id, { graceUntil = Infinity }] of this.members)
      if (graceUntil <= this.now) this.endMembership(id, "timeout");
  }

  /** Sends a volatile message to everyone. Of messages with the same slot in one step, only the newest must arrive. */
  sendVolatile(text: string, slot: string): void {
    this.volatile.add(text);
    for (const connection of this.connections)
      connection.oweVolatile({ text, slot, step: this.step, isOptional: this.#mayLose });
  }

  /** Opens a queue. Its content is recorded in this order. */
  newQueue(): ActQueue {
    const queue: ActQueue = [];
    this.#queues.push(queue);
    return queue;
  }

  /** From here to the crash, acts may be lost. */
  beginCrash(): void {
    this.#mayLose = true;
  }

  /** Every connection is lost at the same time. */
  crash(): void {
    for (const connection of this.connections) this.#cut(connection);
    this.#hasCrashed = true;
  }

  /** Adds what was stored to the log, in the order that the room chose. */
  adopt(stored: readonly RecordedFrame[]): void {
    const { log, states, now } = this;
    const add = (recorded: Recorded): void => {
      const { change, from } = recorded;
      const offset = log.push(recorded);
      Object.assign(recorded, { offset, time: now });
      states.push(change === undefined ? this.state : changed(this.state, change, from, offset));
    };
    const queues = this.#queues;
    this.#queues = [];
    this.found = follow(queues, stored.slice(log.length), { states, add }, this.#mayLose);
    this.#mayLose = false;
  }

  /** The part of the log that a member must receive, after an offset and up to another. */
  visible(id: string, after: number, upTo: number): readonly Recorded[] {
    return this.log.slice(after, Math.max(0, upTo)).filter((recorded) => isFor(recorded, id));
  }

  /** Deletes everything if nobody has been in the room for its time to live. Returns whether it did. */
  expire(): boolean {
    if (this.members.size > 0 || this.#emptySince === undefined) return false;
    if (this.#emptySince + OPTIONS.emptyRoomTtlMs.default > this.now) return false;
    if (this.epoch !== undefined) this.formerEpochs.push(this.epoch);
    this.epoch = undefined;
    this.log = [];
    this.states = [new Map()];
    this.#emptySince = undefined;
    return true;
  }

  #disconnect(id: string): Connection | undefined {
    const connection = this.connectionOf(id);
    if (connection === undefined) return undefined;
    connection.excuse(this.step);
    this.connections.delete(connection);
    return connection;
  }

  /** Records that the connection need not receive later messages. */
  #cut(connection: Connection): void {
    connection.cutAt = connection.isStalled ? connection.welcome.offset : this.log.length;
    this.connections.delete(connection);
  }

  #tell(change: Change): void {
    for (const connection of this.connections) connection.owe(change, this.step);
  }
}

/** Presence data as text; absent data is the empty text. */
export function textOfData(data: Json | undefined): string {
  return data === undefined ? "" : JSON.stringify(data);
}
