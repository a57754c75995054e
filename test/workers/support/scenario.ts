import { randomKey } from "../../../src/protocol/ids.ts";
import type { AckFrame, MessageFrame } from "../../../src/protocol/frames.ts";
import type { Member, Reply } from "../../support/member.ts";
import { joinSse } from "./sse.ts";
import { join } from "./websocket.ts";

/**
 * A client as PROTOCOL.md describes it. It keeps its key and position, reconnects with both, repeats acts without a
 * reply, and sends its presence data again.
 */
export class Client {
  readonly key = randomKey();
  readonly room: string;
  readonly #transport: "websocket" | "sse";
  /** All its connections, the present one last. */
  readonly connections: Member[] = [];
  /** The ack of each of its publishes, by ref. */
  readonly acks = new Map<number, AckFrame>();
  presence: string | undefined;
  #lastRef = 0;
  /** The messages that it received over its earlier connections. */
  #read: readonly MessageFrame[] = [];

  constructor(room: string, transport: "websocket" | "sse") {
    this.room = room;
    this.#transport = transport;
  }

  /** The present connection. */
  get now(): Member {
    const member = this.connections.at(-1);
    if (member === undefined) throw new Error("this client has not joined yet");
    return member;
  }

  /** Whether it has joined. */
  get isThere(): boolean {
    return this.connections.length > 0;
  }

  /** Every recorded message it has received over all its connections, in order. */
  get messages(): MessageFrame[] {
    return [...this.#read, ...(this.connections.at(-1)?.inbox.messages ?? [])];
  }

  /** Joins, or reconnects at its position. Frames that the old connection still receives are ignored. */
  async join(): Promise<void> {
    const position = this.isThere ? this.now.position : undefined;
    this.#read = [...this.messages];
    const options = {
      key: this.key,
      ...(this.presence !== undefined && { presence: this.presence }),
      ...(position !== undefined && { after: position }),
    };
    this.connections.push(
      this.#transport === "websocket" ? await join(this.room, options) : await joinSse(this.room, options),
    );
  }

  /** Publishes. The data is `<transport> <ref>`, so no two are equal. */
  async publish(): Promise<void> {
    const ref = ++this.#lastRef;
    this.#remember(ref, await this.now.publish("chat", this.#dataOf(ref), { ref }));
  }

  /** Repeats its last publish. */
  async repeat(): Promise<void> {
    this.#remember(
      this.#lastRef,
      await this.now.publish("chat", this.#dataOf(this.#lastRef), { ref: this.#lastRef }),
    );
  }

  /** Updates its presence data. */
  async setPresence(presence: string): Promise<void> {
    this.presence = presence;
    this.#lastRef++;
    const answer = await this.now.act({ type: "presence", data: presence }, this.#lastRef);
    if (answer.type !== "ack") throw new Error(`presence was refused: ${answer.code}`);
  }

  /** Its published messages by offset, according to its acks. */
  published(): [offset: number, data: string][] {
    return [...this.acks].map(([ref, { offset = 0 }]) => [offset, this.#dataOf(ref)]);
  }

  #dataOf(ref: number): string {
    return `${this.key} ${ref}`;
  }

  #remember(ref: number, answer: Reply): void {
    if (answer.type !== "ack") throw new Error(`publish ${ref} was refused: ${JSON.stringify(answer)}`);
    const before = this.acks.get(ref);
    if (before !== undefined && before.offset !== answer.offset) {
      throw new Error(`publish ${ref} got offset ${before.offset}, then ${answer.offset}`);
    }
    this.acks.set(ref, answer);
  }
}

/** The clients of a scenario. */
export interface Clients {
  readonly ana: Client;
  readonly bob: Client;
  readonly cem: Client;
}

/** One step of a scenario. A failure may follow any step. */
export interface Step {
  readonly name: string;
  run(clients: Clients): Promise<void>;
}

/** Everything a member can do, once. Ana and Cem use WebSockets, Bob uses SSE. Cem has left at the end. */
export const SCENARIO: readonly Step[] = [
  { name: "a join", run: ({ ana }) => ana.join() },
  { name: "a publish", run: ({ ana }) => ana.publish() },
  { name: "an SSE join", run: ({ bob }) => bob.join() },
  { name: "a POST act", run: ({ bob }) => bob.publish() },
  { name: "a repeat", run: ({ ana }) => ana.repeat() },
  { name: "a repeat by POST", run: ({ bob }) => bob.repeat() },
  { name: "a presence update", run: ({ ana }) => ana.setPresence("calm") },
  { name: "a presence update by POST", run: ({ bob }) => bob.setPresence("busy") },
  { name: "a third join", run: ({ cem }) => cem.join() },
  {
    name: "three publishes at once",
    run: async ({ ana, bob, cem }) => void (await Promise.all([ana, bob, cem].map((each) => each.publish()))),
  },
  { name: "a replace", run: ({ cem }) => cem.join() },
  { name: "a publish after the replace", run: ({ cem }) => cem.publish() },
  {
    name: "a close in order",
    run: async ({ cem }) => {
      cem.now.close();
      await cem.now.closed;
    },
  },
  { name: "a publish unseen", run: ({ ana }) => ana.publish() },
  { name: "a resume", run: ({ cem }) => cem.join() },
  { name: "a repeat after the resume", run: ({ cem }) => cem.repeat() },
  {
    name: "a lost stream",
    run: async ({ ana, bob }) => {
      bob.now.vanish();
      await ana.now.inbox.take(
        "presence",
        ({ left }) => left?.some(({ id }) => id === bob.now.member) ?? false,
      );
    },
  },
  { name: "another publish unseen", run: ({ cem }) => cem.publish() },
  { name: "an SSE resume", run: ({ bob }) => bob.join() },
  {
    name: "a leave",
    run: async ({ cem }) => {
      await cem.now.act({ type: "leave" }).catch(() => undefined); // the reply to a leave is the close
      await cem.now.closed;
    },
  },
  { name: "a last publish", run: ({ bob }) => bob.publish() },
];
