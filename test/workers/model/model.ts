import { OPTIONS } from "../../../src/config/options.ts";
import type { LeaveReason } from "../../../src/protocol/frames.ts";
import type { Json } from "../../../src/protocol/json.ts";
import { parsePosition, type UnrecoveredReason } from "../../../src/protocol/positions.ts";
import type { Connection } from "./connection.ts";
import { departuresIn, follow, type Found, type ActQueue } from "./act-queues.ts";
import { isFor, type Recorded, type RecordedFrame } from "./recorded.ts";
import { changed, type Shared } from "./shared.ts";

/** A member as the room should have it. */
interface Listed {
  readonly data: Json | undefined;
  /** When it departs, Unix milliseconds; absent while it is connected. */
  readonly graceUntil: number | undefined;
}

/** What watchers are told of a member. */
export type Change =
  | { readonly what: "joined" | "updated"; readonly id: string; readonly data: Json | undefined }
  | { readonly what: "left"; readonly id: string; readonly reason: LeaveReason };

/** Where a client that joins stands, and what it is told of the position that it brought. */
export interface Start {
  readonly offset: number;
  readonly recovered?: boolean;
  readonly reason?: UnrecoveredReason;
}

/**
 * What a room promises, without sockets, storage or sleep: its log, its members, and what it owes to each connection.
 *
 * It foresees all but one thing: in which order the room takes what several clients say at once, and how much of that
 * a crash leaves. That it learns in {@link adopt}: from the storage, and from which attempts the room rejected.
 */
export class Model {
  readonly ids: readonly string[];
  /** Unix milliseconds. */
  now: number;
  /** Counts what has been run. */
  step = 0;
  /** The log's name; unknown until someone has joined. */
  epoch: string | undefined;
  readonly formerEpochs: string[] = [];
  log: Recorded[] = [];
  /** The shared state at each offset, from 0 on. */
  states: Shared[] = [new Map()];
  readonly members = new Map<string, Listed>();
  /** The live connections, at most one of a member. */
  readonly connections = new Set<Connection>();
  /** Every volatile message that was ever said. */
  readonly volatile = new Set<string>();
  /** What of the last step is stored, or is not, against a promise. */
  found: Found = { unexpected: [], wrong: [], missing: [] };
  readonly #graceMs: number;
  /** What is being recorded: each queue in its order, the queues in any. */
  #queues: ActQueue[] = [];
  #mayLose = false;
  #hasCrashed = false;
  #emptySince: number | undefined;

  /** @param ids the members that there may be */
  constructor(ids: readonly string[], graceMs: number, now: number) {
    this.ids = ids;
    this.#graceMs = graceMs;
    this.now = now;
  }

  /** Where the log ends, with what departures are adding to it. */
  get head(): number {
    return this.log.length + departuresIn(this.#queues, this.state);
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

  /** Who is here: presence data as text, by member. */
  list(): ReadonlyMap<string, string> {
    return new Map([...this.members].map(([id, { data }]) => [id, textOfData(data)]));
  }

  connectionOf(id: string): Connection | undefined {
    for (const connection of this.connections) if (connection.client.id === id) return connection;
    return undefined;
  }

  /** An event reaches the room. The first one after a crash finds who was lost in it. */
  wake(): void {
    if (!this.#hasCrashed) return;
    this.#hasCrashed = false;
    for (const [id, { graceUntil }] of this.members) if (graceUntil === undefined) this.lose(id, "timeout");
  }

  /** Judges the position of a client that returns. */
  resume(text: string): Start {
    const refused = (reason: UnrecoveredReason): Start => ({ offset: this.head, recovered: false, reason });
    const position = parsePosition(text);
    if (position === undefined) return refused("malformed");
    if (position.epoch !== this.epoch) return refused("epoch");
    if (position.offset > this.head) return refused("ahead");
    if (position.offset < this.floor) return refused("trimmed");
    return { offset: position.offset, recovered: true };
  }

  /** A member arrives; an older connection of it has ended. */
  arrive(id: string, presence: Json | undefined): void {
    this.#disconnect(id);
    const before = this.members.get(id);
    const data = presence ?? before?.data;
    this.members.set(id, { data, graceUntil: undefined });
    if (before === undefined) this.#tell({ what: "joined", id, data });
    else if (before.data !== data) this.#tell({ what: "updated", id, data });
  }

  /** A member says something of itself. */
  setPresence(id: string, data: Json): void {
    this.members.set(id, { data, graceUntil: this.members.get(id)?.graceUntil });
    this.#tell({ what: "updated", id, data });
  }

  /** A connection is lost: its member may come back within the grace, if there is one. */
  lose(id: string, reason: LeaveReason): void {
    const connection = this.#disconnect(id);
    if (connection !== undefined) this.#cut(connection);
    const member = this.members.get(id);
    if (this.#graceMs === 0) this.depart(id, reason);
    else if (member !== undefined) this.members.set(id, { ...member, graceUntil: this.now + this.#graceMs });
  }

  /** A membership ends, and the keys that belong to it: in the queue of what its member did before. */
  depart(id: string, reason: LeaveReason, queue?: ActQueue): void {
    const connection = this.#disconnect(id);
    if (connection !== undefined && queue === undefined) this.#cut(connection);
    if (!this.members.delete(id)) return;
    (queue ?? this.newQueue()).push({ departs: id });
    if (this.members.size === 0) this.#emptySince = this.now;
    this.#tell({ what: "left", id, reason });
  }

  /** Connections that were not heard of for long are closed, all at once. */
  fallSilent(silent: readonly Connection[]): void {
    for (const connection of silent) this.#cut(connection);
    for (const { client } of silent) this.lose(client.id, "timeout");
  }

  /** Those whose grace is over depart. */
  endGraces(): void {
    for (const [id, { graceUntil = Infinity }] of this.members)
      if (graceUntil <= this.now) this.depart(id, "timeout");
  }

  /** Sends everyone a volatile message; of those that share a slot, said at once, only the newest is sure to come. */
  sendVolatile(text: string, slot: string): void {
    this.volatile.add(text);
    for (const connection of this.connections)
      connection.oweVolatile({ text, slot, step: this.step, isOptional: this.#mayLose });
  }

  /** Opens a queue: what is put into it is being recorded, in this order. */
  newQueue(): ActQueue {
    const queue: ActQueue = [];
    this.#queues.push(queue);
    return queue;
  }

  /** From here to the crash, what is said may be lost. */
  beginCrash(): void {
    this.#mayLose = true;
  }

  /** Every connection is gone without a word. */
  crash(): void {
    for (const connection of this.connections) this.#cut(connection);
    this.#hasCrashed = true;
  }

  /** Takes into the log what was stored of what is being recorded, in the order that the room chose. */
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

  /** What of the log a member is to see, after an offset and up to another. */
  visible(id: string, after: number, upTo: number): readonly Recorded[] {
    return this.log.slice(after, Math.max(0, upTo)).filter((recorded) => isFor(recorded, id));
  }

  /** Deletes all, if nobody has been here for as long as that takes. Returns whether it did. */
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

  /** It need not be sent what is recorded from now on. */
  #cut(connection: Connection): void {
    connection.cutAt = connection.isStalled ? connection.welcome.offset : this.log.length;
    this.connections.delete(connection);
  }

  #tell(change: Change): void {
    for (const connection of this.connections) connection.owe(change, this.step);
  }
}

/** Presence data as text; a member that said nothing of itself has none. */
export function textOfData(data: Json | undefined): string {
  return data === undefined ? "" : JSON.stringify(data);
}
