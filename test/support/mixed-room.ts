import { vi } from "vitest";
import {
  joinRoom,
  type JoinOptions,
  type ParlorErrorCode,
  type PresenceChange,
  type Room,
  type RoomMessage,
  type TransportName,
  type Welcomed,
} from "../../src/client/index.ts";
import { CuttableNetwork } from "./cuttable-network.ts";
import { roomUrl } from "./member.ts";
import { uniqueRoom } from "./rooms.ts";
import type { ServerProcess } from "./server-process.ts";

/** How long a test waits for what it expects. The time only passes when the test fails. */
export const PATIENCE = { timeout: 20_000, interval: 10 };

/** Short delays, so that a client that reconnects does not make its test slow. */
const DELAYS = { minReconnectDelayMs: 50, maxReconnectDelayMs: 500 };

/** The transports of the other members of a mixed room. */
const OTHERS: readonly TransportName[] = ["websocket", "sse", "long-poll"];

/** A client of the SDK, and everything that its application has received. */
export class Guest {
  readonly room: Room;
  /** Recorded messages. */
  readonly messages: RoomMessage[] = [];
  readonly volatile: RoomMessage[] = [];
  readonly presence: PresenceChange[] = [];
  readonly welcomes: Welcomed[] = [];
  /** The codes of the event `error`. */
  readonly errors: ParlorErrorCode[] = [];

  constructor(url: string, options: JoinOptions) {
    this.room = joinRoom(url, { ...DELAYS, ...options });
    this.room.on(
      "message",
      (message) => void (message.offset === undefined ? this.volatile : this.messages).push(message),
    );
    this.room.on("presence", (change) => void this.presence.push(change));
    this.room.on("welcome", (welcome) => void this.welcomes.push(welcome));
    this.room.on("error", ({ code }) => void this.errors.push(code));
  }

  /** The member id. Known after the welcome. */
  get id(): string {
    return this.room.self ?? "";
  }

  /** The offsets of the recorded messages, in the order of their arrival. */
  get offsets(): readonly (number | undefined)[] {
    return this.messages.map(({ offset }) => offset);
  }

  /** The ids of the members that joined, and of those that left, as reported to this client. */
  get moves(): readonly string[] {
    return this.presence.flatMap(({ joined, left }) => [
      ...joined.map(({ id }) => `joined ${id}`),
      ...left.map(({ id, reason }) => `${reason ?? "left"} ${id}`),
    ]);
  }

  /** Resolves when the client has been welcomed this many times. */
  async welcomed(times = 1): Promise<void> {
    await this.until(() => this.welcomes.length >= times);
  }

  /** Resolves when a condition holds. */
  async until(what: () => unknown): Promise<void> {
    await vi.waitUntil(what, PATIENCE);
  }

  /** Resolves when the client has received the recorded message with this offset. */
  async reached(offset: number): Promise<void> {
    await this.until(() => this.messages.at(-1)?.offset === offset);
  }
}

/**
 * A room with the client under test, which has a network of its own, and with other members: one over each transport. So each test
 * of the contract is one of a mixed room.
 */
export class MixedRoom implements AsyncDisposable {
  readonly name: string;
  readonly network: CuttableNetwork;
  readonly #server: ServerProcess;
  readonly #guests: Guest[] = [];

  private constructor(server: ServerProcess, network: CuttableNetwork, name: string) {
    this.#server = server;
    this.network = network;
    this.name = name;
  }

  /** An unused room, without anybody. */
  static async open(server: ServerProcess, name = uniqueRoom()): Promise<MixedRoom> {
    const network = await CuttableNetwork.to(Number(new URL(server.url).port));
    return new MixedRoom(server, network, name);
  }

  /** The clients that are not closed. */
  get #present(): readonly Guest[] {
    return this.#guests.filter(({ room }) => room.connection.state !== "closed");
  }

  /** Joins the client under test, through the network of the room. */
  async enter(options: JoinOptions): Promise<Guest> {
    const guest = this.join(options);
    await guest.welcomed();
    return guest;
  }

  /** Joins the client under test. It may be rejected. */
  join(options: JoinOptions): Guest {
    return this.#join(this.network.url, options);
  }

  /** Joins one other member over each transport. Resolves when everybody sees everybody. */
  async crowd(): Promise<readonly [Guest, Guest, Guest]> {
    const others = OTHERS.map((transport) => this.#join(this.#server.url, { transports: [transport] }));
    await Promise.all(others.map((other) => other.welcomed()));
    await this.settled();
    return others as [Guest, Guest, Guest];
  }

  /** Resolves when every client has the same list of members, and it has everyone who does not only watch. */
  async settled(): Promise<void> {
    const members = this.#present.filter(({ welcomes }) => welcomes.at(-1)?.viewOnly !== true);
    const listOf = (ids: Iterable<string>): string => [...ids].toSorted().join();
    const list = listOf(members.map(({ id }) => id));
    await Promise.all(
      this.#present.map((guest) => guest.until(() => listOf(guest.room.members.keys()) === list)),
    );
  }

  /** Publishes a last message, and resolves when everybody has received it. Returns its offset. */
  async mark(by: Guest): Promise<number> {
    const { offset } = await by.room.publish("mark", null);
    await Promise.all(this.#present.map((guest) => guest.reached(offset)));
    return offset;
  }

  /** The answer of the server to a query of the room. */
  async query(part = ""): Promise<unknown> {
    return (await fetch(roomUrl(this.#server.url, this.name, part))).json();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { room } of this.#guests) room.close();
    await this.network[Symbol.asyncDispose]();
  }

  #join(base: string, options: JoinOptions): Guest {
    const guest = new Guest(roomUrl(base, this.name), options);
    this.#guests.push(guest);
    return guest;
  }
}
