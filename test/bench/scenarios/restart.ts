import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { joinRoom, type Room } from "../../../src/client/index.ts";
import { roomUrl } from "../../support/member.ts";
import { uniqueRoom } from "../../support/rooms.ts";
import type { ServerProcess } from "../../support/server-process.ts";
import { DEFAULT_BUDGETS } from "../contenders/parlor.ts";
import { paced } from "../load/paced.ts";
import { Histogram } from "../measure/histogram.ts";
import { Ledger } from "../measure/ledger.ts";
import { METRICS } from "./common.ts";
import { withTimeout } from "./with-server.ts";
import type { Outcome, Scenario, Setup } from "./scenario.ts";

/** Recorded messages a second in the room. The clients publish them in turn, before, during and after the downtime. */
const PER_SECOND = 20;

/** How long all clients are connected before the server is killed. The client considers a connection stable after 10 s. */
const CONNECTED_MS = 11_000;

/** How long to publish after the last client is back. */
const AFTER_MS = 1_000;

/** How long all clients may take to join, to reconnect or to receive the last message. */
const WAIT_MS = 60_000;

const RUN_TIMEOUT_MS = 4 * WAIT_MS;

/** How often to try whether the server accepts connections. The times are at most this much too short. */
const PROBE_MS = 5;

/** Clients are spread out if no such period has a large share of them. */
const WINDOW_MS = 100;

/** The goals for a restart of a few seconds. */
const GOAL = { medianMs: 3_000, share: 1 / 5 };

/** How a client reconnected. Times are in milliseconds of `performance.now()`. */
interface Return {
  /** When the attempt that succeeded began. */
  readonly attemptedAt: number;
  readonly welcomedAt: number;
  /** Whether the client resumed from its position. */
  readonly isRecovered: boolean;
}

/**
 * The clients of a room after their server was killed and started again: how soon they are back, and whether they are spread
 * out. It counts attempts as well as welcomes, because the client only decides when its attempts begin. Clients that connect
 * while the server loads the Worker receive their welcomes together.
 */
export const restart: Scenario = {
  name: "restart",
  about: ({ members, seconds }) =>
    `${members} of Parlor's own clients in one room with ${PER_SECOND} recorded messages a second; the server is killed, and started again ${seconds} s later: time from its first accepted connection to each client's welcome`,
  metrics: [
    METRICS.p50,
    METRICS.p99,
    { name: "maximum", unit: "ms", better: "less" },
    { name: `attempts in ${WINDOW_MS} ms`, unit: "%", better: "less" },
    { name: `welcomes in ${WINDOW_MS} ms`, unit: "%", better: "less" },
    { name: "first response", unit: "ms" },
    { name: "recovered", unit: "clients" },
    { name: "not recovered", unit: "clients" },
    { name: "downtime", unit: "s" },
    METRICS.generator,
  ],
  contenders: ["parlor"],
  size: { members: 200, seconds: 3 },
  quickSize: { members: 20, seconds: 1 },
  run: async (setup) => {
    const { contender, runner, size, progress } = setup;
    progress("starting");
    const server = await contender.start({ runner, vars: DEFAULT_BUDGETS });
    const clients = new Clients(size.members);
    try {
      return await withTimeout(RUN_TIMEOUT_MS + 1_000 * size.seconds, measure(server, clients, setup));
    } finally {
      clients.close();
      await server[Symbol.asyncDispose]();
    }
  },
};

async function measure(
  server: ServerProcess,
  clients: Clients,
  { size: { members, seconds }, progress }: Setup,
): Promise<Outcome> {
  progress("joining");
  clients.join(roomUrl(server.url, uniqueRoom("bench")));
  await until("joined", () => clients.returns.length === members);
  const stop = paced(PER_SECOND, (index) => clients.publish(index % members));
  await delay(CONNECTED_MS);
  progress("down");
  clients.forgetReturns();
  const [killedAt, generator] = [performance.now(), process.cpuUsage()];
  await server.kill();
  await delay(seconds * 1_000);
  const [{ acceptedAt, respondedAt }] = await Promise.all([firstResponse(server.url), server.restart()]);
  progress("reconnecting");
  await until("back", () => clients.returns.length === members);
  const [tookMs, used] = [performance.now() - killedAt, process.cpuUsage(generator)];
  await delay(AFTER_MS);
  stop();
  progress("reading the messages in flight");
  const flaws = await clients.drain();
  if (flaws.length > 0) throw new Error(flaws.join(", "));
  const { returns } = clients;
  const latency = new Histogram();
  for (const { welcomedAt } of returns) latency.add((welcomedAt - acceptedAt) * 1_000);
  const median = latency.percentile(0.5);
  const attempts = largestShare(returns.map(({ attemptedAt }) => attemptedAt));
  const welcomes = largestShare(returns.map(({ welcomedAt }) => welcomedAt));
  const recovered = returns.filter(({ isRecovered }) => isRecovered).length;
  return {
    values: {
      [METRICS.p50.name]: median,
      [METRICS.p99.name]: latency.percentile(0.99),
      maximum: latency.percentile(1),
      [`attempts in ${WINDOW_MS} ms`]: attempts * 100,
      [`welcomes in ${WINDOW_MS} ms`]: welcomes * 100,
      "first response": respondedAt - acceptedAt,
      recovered,
      "not recovered": members - recovered,
      downtime: (acceptedAt - killedAt) / 1_000,
      [METRICS.generator.name]: ((used.user + used.system) / 1e3 / tookMs) * 100,
    },
    flaws: [],
    notes: [verdict(median, attempts, welcomes)],
  };
}

/** Parlor's clients in one room, with their default options, and what they have received. */
class Clients {
  readonly #rooms: Room[] = [];
  readonly #ledger: Ledger;
  /** The number of the next message, by client. */
  readonly #next: number[];
  /** By client. */
  readonly #returns = new Map<number, Return>();

  constructor(count: number) {
    this.#ledger = new Ledger(count, count);
    this.#next = Array.from({ length: count }, () => 0);
  }

  join(url: string): void {
    for (const index of this.#next.keys()) {
      const room = joinRoom(url);
      this.#rooms.push(room);
      let attemptedAt = performance.now();
      room.on("connection", ({ state }) => {
        if (state === "connecting") attemptedAt = performance.now();
      });
      room.on("welcome", ({ recovered }) => {
        if (this.#returns.has(index)) return;
        this.#returns.set(index, {
          attemptedAt,
          welcomedAt: performance.now(),
          isRecovered: recovered === true,
        });
      });
      room.on("message", ({ data }) => {
        const [sender, number] = data as [number, number];
        this.#ledger.delivered(index, sender, number, 0, 0);
      });
    }
  }

  /** Publishes the next message of a client. The client repeats it until the room has stored it. */
  publish(index: number): void {
    const number = this.#next[index] ?? 0;
    this.#next[index] = number + 1;
    this.#ledger.published(this.#rooms.length);
    void this.#rooms[index]?.publish("m", [index, number]);
  }

  /** The first welcome of each client, since the start or since {@link forgetReturns}. */
  get returns(): readonly Return[] {
    return [...this.#returns.values()];
  }

  forgetReturns(): void {
    this.#returns.clear();
  }

  /** Waits until all messages have arrived, and a moment for those that should not. Returns what was lost or repeated. */
  async drain(): Promise<string[]> {
    const deadline = performance.now() + WAIT_MS;
    while (!this.#ledger.isComplete && performance.now() < deadline) await delay(5);
    await delay(WINDOW_MS);
    return this.#ledger.flaws();
  }

  close(): void {
    for (const room of this.#rooms) room.close();
  }
}

/** Resolves when a condition of all clients holds. */
async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not all clients ${what} after ${WAIT_MS / 1_000} s`);
    await delay(PROBE_MS);
  }
}

/**
 * Waits for the first connection that the server responds to. The server accepts it before it has loaded the Worker, and
 * responds after that.
 *
 * @returns the times of both, in milliseconds of `performance.now()`
 */
async function firstResponse(url: string): Promise<{ acceptedAt: number; respondedAt: number }> {
  const { hostname: host, port } = new URL(url);
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const socket = connect({ host, port: Number(port) });
    const closed = once(socket, "close").then(() =>
      Promise.reject(new Error("the server closed a connection")),
    );
    try {
      await Promise.race([once(socket, "connect"), closed]);
      const acceptedAt = performance.now();
      socket.write(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      await Promise.race([once(socket, "data"), closed]);
      return { acceptedAt, respondedAt: performance.now() };
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(PROBE_MS);
    } finally {
      closed.catch(() => undefined);
      socket.destroy();
    }
  }
}

/** The largest share of the times that any period of {@link WINDOW_MS} contains. */
function largestShare(times: readonly number[]): number {
  const sorted = times.toSorted((one, other) => one - other);
  let first = 0;
  let most = 0;
  for (const [index, ms] of sorted.entries()) {
    while ((sorted[first] ?? ms) <= ms - WINDOW_MS) first++;
    most = Math.max(most, index - first + 1);
  }
  return most / sorted.length;
}

function verdict(median: number | undefined, attempts: number, welcomes: number): string {
  const say = (isReached: boolean): string => (isReached ? "reached" : "missed");
  const atMedian = `median at most ${GOAL.medianMs / 1_000} s: ${say(median !== undefined && median <= GOAL.medianMs)}`;
  const limit = `no ${WINDOW_MS} ms with more than ${GOAL.share * 100} %`;
  return `goal: ${atMedian}; ${limit} of the attempts: ${say(attempts <= GOAL.share)}, of the welcomes: ${say(welcomes <= GOAL.share)}`;
}
