import { setTimeout as delay } from "node:timers/promises";
import { Ledger } from "../measure/ledger.ts";
import type { Member } from "./member.ts";
import type { LoadTarget } from "./load-target.ts";
import { eachStamp, nowUs, stampedJson } from "./stamp.ts";

/** The options of a crowd. */
export interface CrowdOptions {
  /** @default 1 */
  readonly rooms?: number;
  /** Members of each room. */
  readonly members: number;
  /** How many members of each room publish: its first ones. @default all */
  readonly senders?: number;
  /** Bytes of a message's data, as JSON. @default 100 */
  readonly bytes?: number;
}

/** How many joins wait for their welcome at a time. */
const JOINS_IN_FLIGHT = 100;

/** By then the announcements of the last joins have arrived. */
const SETTLE_MS = 500;

/** How long outstanding deliveries may take in total, and how long without any of them arriving. */
const DRAIN_TIMEOUT_MS = { whole: 60_000, silence: 20_000 };

/** Called for each delivery with the room and the sender in it. */
export type DeliveryListener = (room: number, sender: number) => void;

/** Members in rooms, and a ledger of their deliveries. */
export class Crowd {
  readonly ledger: Ledger;
  /** Called for each delivery, after the ledger. */
  onDelivery: DeliveryListener | undefined;
  readonly #target: LoadTarget;
  readonly #options: Required<CrowdOptions>;
  readonly #members: Member[] = [];
  readonly #numbers: Int32Array;
  #ends = new Map<number, number>();

  private constructor(target: LoadTarget, options: CrowdOptions) {
    this.#target = target;
    this.#options = { rooms: 1, senders: options.members, bytes: 100, ...options };
    const { rooms, members, senders } = this.#options;
    this.ledger = new Ledger(rooms * members, senders);
    this.#numbers = new Int32Array(rooms * senders);
  }

  /** Joins all members. Resolves when all have their welcome and the announcements have arrived. */
  static async gather(target: LoadTarget, options: CrowdOptions): Promise<Crowd> {
    const crowd = new Crowd(target, options);
    const { rooms, members } = crowd.#options;
    for (let joined = 0; joined < rooms * members; joined += JOINS_IN_FLIGHT) {
      const count = Math.min(JOINS_IN_FLIGHT, rooms * members - joined);
      const batch = Array.from({ length: count }, (_, index) => crowd.#join(joined + index));
      crowd.#members.push(...batch);
      await Promise.all(batch.map(({ ready }) => ready));
    }
    await delay(SETTLE_MS);
    return crowd;
  }

  /** How many rooms there are. */
  get rooms(): number {
    return this.#options.rooms;
  }

  /** How many members publish in each room. */
  get senders(): number {
    return this.#options.senders;
  }

  /** How many members are in each room. */
  get audience(): number {
    return this.#options.members;
  }

  /** All members, room by room. */
  get members(): readonly Member[] {
    return this.#members;
  }

  /** Publishes the next message of a sender in a room. */
  publish(room: number, sender: number): void {
    const { senders, members, bytes } = this.#options;
    const index = room * senders + sender;
    const number = this.#numbers[index] ?? 0;
    this.#numbers[index] = number + 1;
    this.ledger.published(members);
    this.#members[room * members + sender]?.publish(stampedJson(sender, number, bytes));
  }

  /** Waits until all deliveries have arrived, or until the timeout. */
  async drain(): Promise<void> {
    const startedAt = Date.now();
    let [lastAt, last] = [startedAt, this.ledger.deliveries];
    while (!this.ledger.isComplete) {
      await delay(20);
      const now = Date.now();
      if (this.ledger.deliveries > last) [lastAt, last] = [now, this.ledger.deliveries];
      if (now - startedAt > DRAIN_TIMEOUT_MS.whole || now - lastAt > DRAIN_TIMEOUT_MS.silence) break;
    }
    await delay(20); // for deliveries that should not arrive
  }

  /** What is wrong with the run. Empty if every member received exactly what was published. */
  flaws(): string[] {
    const refusals = this.#members.reduce((sum, member) => sum + member.refusals, 0);
    return [
      ...this.ledger.flaws(this.#target.contender.isLossy),
      ...[...this.#ends].map(([code, count]) => `${count} connections were closed with ${code}`),
      ...(refusals > 0 ? [`${refusals} messages were rejected`] : []),
    ];
  }

  #join(index: number): Member {
    const { ledger } = this;
    const room = Math.floor(index / this.#options.members);
    let readAt = 0;
    const note = (sender: number, number: number, sentUs: number): void => {
      ledger.delivered(index, sender, number, sentUs, readAt);
      this.onDelivery?.(room, sender);
    };
    return this.#target.join(room, {
      read: (bytes, start, end) => {
        readAt = nowUs();
        return eachStamp(bytes, start, end, note);
      },
      onEnd: (code) => this.#ends.set(code, (this.#ends.get(code) ?? 0) + 1),
    });
  }
}
