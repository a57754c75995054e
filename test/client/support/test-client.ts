import { createRoom } from "../../../src/client/join-room.ts";
import type { RoomEvents } from "../../../src/client/views/events.ts";
import type { JoinOptions } from "../../../src/client/options.ts";
import type { Room } from "../../../src/client/room.ts";
import type { Dialer, TransportName } from "../../../src/client/transports/transport.ts";
import type { WelcomeFrame } from "../../../src/protocol/frames.ts";
// Loaded here, so that a test does not wait for them.
import "../../../src/client/connection/upgrade.ts";
import "../../../src/client/on-demand.ts";
import { FakeTransport } from "./fake-transport.ts";
import { FakeWorld, settled } from "./fake-world.ts";

const EVENTS = [
  "message",
  "presence",
  "shared",
  "connection",
  "welcome",
  "pending",
  "error",
  "closed",
] as const;

/** Shorter than the timeout of a ping. */
const SIGN_OF_LIFE_MS = 5_000;

type Emitted = { [Type in keyof RoomEvents]: RoomEvents[Type][] };

/** A room with fake connections and a fake platform. Records all events. */
export class TestClient {
  readonly world: FakeWorld;
  readonly room: Room;
  readonly emitted: Emitted = {
    message: [],
    presence: [],
    shared: [],
    connection: [],
    welcome: [],
    pending: [],
    error: [],
    closed: [],
  };
  /** Every connection that was opened, in order. */
  readonly dialled: FakeTransport[] = [];

  /** @param broken a transport that cannot be started */
  constructor(options: JoinOptions = {}, world = new FakeWorld(), broken?: TransportName) {
    this.world = world;
    const dial =
      (name: TransportName): Dialer =>
      async (target, listener) => {
        if (name === broken) throw new Error(`no ${name} here`);
        const transport = new FakeTransport(name, target, listener);
        this.dialled.push(transport);
        return transport;
      };
    this.room = createRoom("https://parlor.example/rooms/lobby", options, {
      environment: this.world,
      dialers: { websocket: dial("websocket"), sse: dial("sse"), "long-poll": dial("long-poll") },
    });
    for (const type of EVENTS) this.#record(type);
  }

  /** The newest connection. */
  get transport(): FakeTransport {
    const line = this.dialled.at(-1);
    if (line === undefined) throw new Error("nothing was dialled");
    return line;
  }

  /** The offsets of the recorded messages that were emitted. */
  get offsets(): number[] {
    return this.emitted.message.flatMap(({ offset }) => offset ?? []);
  }

  /** The milliseconds until the next attempt; `undefined` if none is planned. */
  get retryInMs(): number | undefined {
    const { nextTryAt } = this.room.connection;
    return nextTryAt && nextTryAt - this.world.unixNow();
  }

  /** The states of the connection that were reported, in order. */
  get states(): string[] {
    return this.emitted.connection.map(({ state }) => state);
  }

  /** The transports that were used, in order. */
  get names(): TransportName[] {
    return this.dialled.map(({ name }) => name);
  }

  /** Lets time pass until the next connection is opened. */
  async nextDial(): Promise<void> {
    const { length } = this.dialled;
    await settled();
    while (this.dialled.length === length) {
      const next = this.world.timers[0];
      if (next === undefined) throw new Error("no timer runs, so nothing will be dialled");
      await this.world.pass(next);
    }
  }

  #record<Type extends keyof RoomEvents>(type: Type): void {
    const told: RoomEvents[Type][] = this.emitted[type];
    this.room.on(type, (event) => void told.push(event));
  }
}

/** Joins, and is welcomed. */
export async function joined(
  options: JoinOptions = {},
  welcome: Partial<WelcomeFrame> = {},
): Promise<TestClient> {
  const client = new TestClient(options);
  await settled();
  client.transport.welcome(welcome);
  await settled();
  return client;
}

/** Loses the connection and reconnects. */
export async function reconnect(client: TestClient, welcome: Partial<WelcomeFrame> = {}): Promise<void> {
  client.transport.end();
  await client.nextDial();
  client.transport.welcome({ recovered: true, ...welcome });
  await settled();
}

/** Keeps the connection for a time, with replies to pings. */
export async function stayConnected(client: TestClient, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= SIGN_OF_LIFE_MS) {
    await client.world.pass(Math.min(left, SIGN_OF_LIFE_MS));
    client.transport.breathe();
  }
}
