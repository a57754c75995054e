import { setTimeout as delay } from "node:timers/promises";
import { randomKey } from "../../support/rooms.ts";
import type { Identity } from "../contenders/dialect.ts";
import type { Member } from "../load/member.ts";
import type { LoadTarget } from "../load/load-target.ts";
import { eachStamp, nowUs, stampedJson } from "../load/stamp.ts";
import { Histogram } from "../measure/histogram.ts";
import { Ledger } from "../measure/ledger.ts";
import { METRICS } from "./common.ts";
import { withServer } from "./with-server.ts";
import type { Scenario } from "./scenario.ts";

/** Messages that everyone reads before they leave. Without one, Socket.IO has no position to resume from. */
const READ = 5;

/** Messages that each returning member has missed. */
const MISSED = 100;

const BYTES = 100;

/** How many members join at a time at first. They return all at once. */
const JOINS_IN_FLIGHT = 100;

/** By then a server has noticed that a connection is gone. */
const NOTICED_MS = 1_000;

/** How long a return may take. */
const RETURN_TIMEOUT_MS = 60_000;

/** A whole room that reconnects, as after a deployment or a network failure. */
export const resume: Scenario = {
  name: "resume",
  about: ({ members }) =>
    `${members.toLocaleString("en")} members of one room that have each missed ${MISSED} messages of ${BYTES} bytes reconnect at once: time until all have received everything`,
  metrics: [
    { name: "all back", unit: "s", better: "less" },
    METRICS.p50,
    METRICS.p99,
    METRICS.cpuSeconds,
    METRICS.generator,
  ],
  contenders: ["parlor", "socket.io-recovery"],
  size: { members: 1_000, seconds: 0 },
  quickSize: { members: 100, seconds: 0 },
  run: withServer(async (target, { size: { members: count }, progress }) => {
    progress("joining");
    const room = new Returning(target, count);
    await room.joinAll();
    await room.publish(READ);
    room.leaveAll();
    await delay(NOTICED_MS);
    progress("publishing what will be missed");
    await room.publish(MISSED);
    progress("returning");
    const [server, generator, startedAt] = [target.usage(), process.cpuUsage(), performance.now()];
    const latency = await room.returnAll();
    const seconds = (performance.now() - startedAt) / 1_000;
    const [after, used] = [target.usage(), process.cpuUsage(generator)];
    return {
      values: {
        "all back": room.isComplete ? seconds : undefined,
        [METRICS.p50.name]: latency.percentile(0.5),
        [METRICS.p99.name]: latency.percentile(0.99),
        [METRICS.cpuSeconds.name]: server && after && after.cpuSeconds - server.cpuSeconds,
        [METRICS.generator.name]: ((used.user + used.system) / 1e6 / seconds) * 100,
      },
      flaws: room.flaws(),
    };
  }),
};

/** Members of one room that leave and return, and one that stays and publishes. */
class Returning {
  readonly #target: LoadTarget;
  readonly #who: Identity[];
  readonly #ledger: Ledger;
  readonly #publisher: Member;
  #members: Member[] = [];
  #published = 0;
  #received = 0;
  #ends = 0;
  /** Called when a member has received everything. */
  #onComplete: ((index: number) => void) | undefined;

  constructor(target: LoadTarget, count: number) {
    this.#target = target;
    this.#who = Array.from({ length: count }, () => ({ key: randomKey() }));
    this.#ledger = new Ledger(count, 1);
    this.#publisher = target.join(0, {
      read: (bytes, start, end) => eachStamp(bytes, start, end, () => this.#received++),
    });
  }

  get isComplete(): boolean {
    return this.#ledger.isComplete;
  }

  async joinAll(): Promise<void> {
    await this.#publisher.ready;
    for (let at = 0; at < this.#who.length; at += JOINS_IN_FLIGHT) {
      const batch = this.#who.slice(at, at + JOINS_IN_FLIGHT).map((_, index) => this.#join(at + index, true));
      this.#members.push(...batch);
      await Promise.all(batch.map(({ ready }) => ready));
    }
  }

  /** Publishes this many messages. Resolves when the publisher and all present members have read them. */
  async publish(count: number): Promise<void> {
    for (let sent = 0; sent < count; sent++) {
      this.#ledger.published(this.#who.length);
      this.#publisher.publish(stampedJson(0, this.#published++, BYTES));
      while (this.#received < this.#published) await delay(1);
    }
    const isHere = this.#members.length > 0;
    while (isHere && !this.#ledger.isComplete) await delay(5);
  }

  leaveAll(): void {
    for (const member of this.#members) member.drop();
    this.#members = [];
  }

  /** Reconnects all members at once. Resolves with their latencies when all have received everything, or after a timeout. */
  async returnAll(): Promise<Histogram> {
    const latency = new Histogram();
    const startedAt = nowUs();
    let left = this.#who.length;
    this.#onComplete = () => {
      latency.add(nowUs() - startedAt);
      left--;
    };
    this.#members = this.#who.map((_, index) => this.#join(index, false));
    const deadline = Date.now() + RETURN_TIMEOUT_MS;
    while (left > 0 && Date.now() < deadline) await delay(2);
    await delay(100); // for deliveries that should not arrive
    return latency;
  }

  flaws(): string[] {
    return [
      ...this.#ledger.flaws(),
      ...(this.#ends > 0 ? [`${this.#ends} connections were closed by the server`] : []),
    ];
  }

  #join(index: number, learns: boolean): Member {
    return this.#target.join(0, {
      ...(this.#who[index] !== undefined && { who: this.#who[index] }),
      learns,
      read: (bytes, start, end) =>
        eachStamp(bytes, start, end, (sender, number, sentUs) => {
          this.#ledger.delivered(index, sender, number, sentUs, sentUs);
          if (number === this.#published - 1) this.#onComplete?.(index);
        }),
      onEnd: () => this.#ends++,
    });
  }
}
