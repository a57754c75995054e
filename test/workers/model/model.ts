import { OPTIONS } from "../../../src/config/options.ts";
import type { LeaveReason } from "../../../src/protocol/frames.ts";
import type { Json } from "../../../src/protocol/json.ts";
import { parsePosition, type UnrecoveredReason } from "../../../src/protocol/positions.ts";
import type { Connection } from "./connection.ts";
import { textOf, type Recorded, type RecordedFrame } from "./recorded.ts";

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
 * a crash leaves. That it learns from the storage, in {@link adopt}.
 */
export class Model {
  /** Unix milliseconds. */
  now: number;
  /** Counts what has been played. */
  step = 0;
  /** The log's name; unknown until someone has joined. */
  epoch: string | undefined;
  readonly formerEpochs: string[] = [];
  log: Recorded[] = [];
  readonly members = new Map<string, Listed>();
  /** The live connections, at most one of a member. */
  readonly connections = new Set<Connection>();
  /** Every volatile message that was ever said. */
  readonly volatile = new Set<string>();
  /** What was found stored though no one had asked for it, or not then. */
  unexpected: readonly RecordedFrame[] = [];
  /** What was asked for, not refused, and not found stored. */
  missing: readonly Recorded[] = [];
  readonly #graceMs: number;
  /** What is being recorded: each lane in its order, the lanes in any. */
  #lanes: Recorded[][] = [];
  #mayLose = false;
  #hasCrashed = false;
  #emptySince: number | undefined;

  constructor(graceMs: number, now: number) {
    this.#graceMs = graceMs;
    this.now = now;
  }

  get head(): number {
    return this.log.length;
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
    for (const connection of this.connections) if (connection.player.id === id) return connection;
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
  say(id: string, data: Json): void {
    this.members.set(id, { data, graceUntil: this.members.get(id)?.graceUntil });
    this.#tell({ what: "updated", id, data });
  }

  /** A connection is lost: its member may come back within the grace, if there is one. */
  lose(id: string, reason: LeaveReason): void {
    this.#disconnect(id);
    const member = this.members.get(id);
    if (this.#graceMs === 0) this.depart(id, reason);
    else if (member !== undefined) this.members.set(id, { ...member, graceUntil: this.now + this.#graceMs });
  }

  /** A membership ends. */
  depart(id: string, reason: LeaveReason): void {
    this.#disconnect(id);
    if (!this.members.delete(id)) return;
    if (this.members.size === 0) this.#emptySince = this.now;
    this.#tell({ what: "left", id, reason });
  }

  /** Connections that were not heard of for long are closed, all at once. */
  fallSilent(silent: readonly Connection[]): void {
    for (const connection of silent) this.connections.delete(connection);
    for (const { player } of silent) this.lose(player.id, "timeout");
  }

  /** Those whose grace is over depart. */
  endGraces(): void {
    for (const [id, { graceUntil = Infinity }] of this.members)
      if (graceUntil <= this.now) this.depart(id, "timeout");
  }

  /** Sends everyone a volatile message; of those that share a slot, said at once, only the newest is sure to come. */
  sendVolatile(text: string, slot: string | undefined): void {
    this.volatile.add(text);
    for (const connection of this.connections)
      connection.oweVolatile({ text, slot, step: this.step, isOptional: this.#mayLose });
  }

  /** Opens a lane: what is put into it is being recorded, in this order. */
  lane(): Recorded[] {
    const lane: Recorded[] = [];
    this.#lanes.push(lane);
    return lane;
  }

  /** From here to the crash, what is said may be lost. */
  beginCrash(): void {
    this.#mayLose = true;
  }

  /** Every connection is gone without a word. */
  crash(): void {
    for (const connection of this.connections) connection.cutAt = this.head;
    this.connections.clear();
    this.#hasCrashed = true;
  }

  /** Takes into the log what was stored of what is being recorded, in the order that the room chose. */
  adopt(stored: readonly RecordedFrame[]): void {
    const fresh = stored.slice(this.head);
    this.unexpected = fresh.filter((frame) => {
      const text = textOf(frame);
      const next = this.#lanes.find(([first]) => first?.text === text)?.[0];
      if (next === undefined) return true;
      this.#lanes = this.#lanes.map((lane) => lane.filter((recorded) => recorded !== next));
      this.log.push(next);
      next.offset = this.head;
      next.time = this.now;
      return false;
    });
    this.missing = this.#mayLose ? [] : this.#lanes.flat();
    this.#lanes = [];
    this.#mayLose = false;
  }

  /** Deletes all, if nobody has been here for as long as that takes. Returns whether it did. */
  expire(): boolean {
    if (this.members.size > 0 || this.#emptySince === undefined) return false;
    if (this.#emptySince + OPTIONS.emptyRoomTtlMs.default > this.now) return false;
    if (this.epoch !== undefined) this.formerEpochs.push(this.epoch);
    this.epoch = undefined;
    this.log = [];
    this.#emptySince = undefined;
    return true;
  }

  #disconnect(id: string): void {
    const connection = this.connectionOf(id);
    if (connection === undefined) return;
    connection.excuse(this.step);
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
