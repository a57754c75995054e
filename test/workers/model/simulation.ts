import { runDurableObjectAlarm } from "cloudflare:test";
import { vi } from "vitest";
import { kinds } from "../../../src/rooms.ts";
import { crash, inRoom, infoOf, roomStub, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { join, WebSocketMember } from "../support/websocket.ts";
import { askingAfter, CHARS_ASKED, repeatOf } from "./acts.ts";
import { expectPublicState, lossNoticed } from "./public-state.ts";
import type { Joining } from "./joining.ts";
import { judge, type AnsweredAct } from "./checks.ts";
import { Connection } from "./connection.ts";
import { Model } from "./model.ts";
import { NAMES, Client } from "./client.ts";
import { isMark, readAndMark } from "./recorded.ts";
import { readOn, ClientWindow, WINDOW } from "./client-window.ts";
import { prepare, server, type ActBatch } from "./sending.ts";

/** A kind with a grace for its members, or one without. */
export type Kind = "chat" | "default";

/**
 * A room, its model, and clients that use both at the same time. After each step {@link settle} lets every client read
 * what it was sent, and checks the results against the model.
 */
export class Simulation {
  readonly room: string;
  readonly model: Model;
  readonly clients: readonly Client[];
  /** Whether the step sent so much that a client may have to read before it receives the rest. */
  isFlooded = false;
  /** What the step waits for, for the report of a failure. */
  waitsFor = "";
  #answers: AnsweredAct[] = [];
  #ended: Connection[] = [];
  /** Connections that the room has closed, and whose clients have not replied to the close. */
  #unanswered: Connection[] = [];
  #marks = 0;

  private constructor(room: string, model: Model, clients: readonly Client[]) {
    this.room = room;
    this.model = model;
    this.clients = clients;
  }

  static async begin(kind: Kind): Promise<Simulation> {
    // Ahead of the platform's clock, so that no alarm fires by itself, and on the grid of its deadlines.
    const now = (Math.ceil(vi.getRealSystemTime() / HOUR_MS) + 1) * HOUR_MS;
    vi.setSystemTime(now);
    const room = uniqueRoom(kind);
    const graceMs = kind === "chat" ? (kinds.chat.graceMs ?? 0) : 0; // other kinds: see vitest.config.ts
    const clients = await Promise.all(NAMES.map((name) => Client.of(name, room)));
    const ids = clients.map(({ id }) => id);
    return new Simulation(room, new Model(ids, graceMs, now), clients);
  }

  /** A client joins, takes over from its own older connection, or reconnects. */
  async join(client: Client, joining: Joining): Promise<void> {
    const { model } = this;
    const { over, after, isHeader, rewind, presence } = joining;
    const { answersLate = false, asksForState = false, hasWindow = false } = joining;
    model.wake();
    const older = model.connectionOf(client.id);
    const { head } = model;
    this.waitsFor = `the welcome of ${client.name}`;
    const rewound = rewind === undefined ? head : Math.max(model.floor, head - rewind);
    const start = after === undefined ? { offset: rewound } : model.resume(after);
    model.arrive(client.id, presence);
    const welcome = { ...start, epoch: model.epoch, head, members: model.list() };
    const options = {
      to: server,
      key: client.key,
      allowHalfOpen: answersLate,
      ...(after !== undefined && (isHeader && over === "sse" ? { lastEventId: after } : { after })),
      ...(presence !== undefined && { presence }),
      query: {
        ...(rewind !== undefined && { rewind: String(rewind) }),
        ...(asksForState && { state: "1" }),
        ...(hasWindow && over === "websocket" && { flow: "1" }),
      },
    };
    const socket = await (over === "websocket" ? join(this.room, options) : joinSse(this.room, options));
    client.connection = new Connection(client, over, socket, welcome, model.now);
    client.connection.answersLate = answersLate;
    client.connection.asksForState = asksForState;
    if (hasWindow && socket instanceof WebSocketMember) client.connection.window = new ClientWindow(socket);
    model.connections.add(client.connection);
    model.epoch ??= socket.position.split(":")[0];
    if (older !== undefined) await this.ended(older, 4504);
    if (this.isFlooded) await this.readOn(client.connection); // until then it receives no changes of members
  }

  /** Lets clients send acts at the same time. A client without budget for its acts sends nothing. */
  async send(...batches: readonly ActBatch[]): Promise<void> {
    const { model } = this;
    const affordable = batches.filter((batch) => this.hasBudgetFor(batch));
    if (affordable.length > 0) model.wake();
    const prepared = affordable.map((batch) => prepare(model, this.room, batch));
    this.waitsFor = `replies to ${affordable.map(({ client }) => client.name).join(" and ")}`;
    await Promise.all(
      prepared.map(async ({ client, acts, send }) => {
        const answers = await send();
        if (answers.length !== acts.length)
          throw new Error(`[H2] ${client.name} got ${answers.length} replies to ${acts.length} acts`);
        this.#answers.push(...acts.map((act, index) => ({ by: client.name, act, answer: answers[index] })));
      }),
    );
  }

  /** Whether a client has the budget for these acts. */
  hasBudgetFor({ client, acts }: ActBatch): boolean {
    return client.spent + acts.length < MAX_SPENT;
  }

  /**
   * Crashes everything while clients send acts, which they repeat after they have reconnected.
   *
   * @param trips how far their acts have come by then, in round trips to the room; with 0 they were never sent
   */
  async crash(batches: readonly ActBatch[], trips: number, returning: readonly Client[]): Promise<void> {
    const { model } = this;
    const lost = [...model.connections];
    model.beginCrash();
    const cutOff = batches.filter(
      (batch) => this.hasBudgetFor(batch) && model.connectionOf(batch.client.id) !== undefined,
    );
    const prepared = cutOff.map((batch) => prepare(model, this.room, batch));
    const sending = prepared.map(async ({ client, acts, send }) => {
      for (const { frame } of acts) if (frame.ref !== undefined) client.unanswered.add(frame.ref);
      const answers = trips === 0 ? [] : await send(true).catch(() => []);
      for (const [index, act] of acts.entries()) {
        const answer = answers[index];
        // A POST may have reached the next life of the room, or none. Such an error says nothing about the state.
        if (answer === undefined || (answer.type === "error" && !OF_STATE.has(answer.code))) continue;
        this.#answers.push({ by: client.name, act, answer });
        if (act.frame.ref !== undefined && answer.type === "ack") client.unanswered.delete(act.frame.ref);
      }
    });
    for (let trip = 0; trip < trips; trip++) await inRoom(this.room, () => undefined);
    await crash();
    model.crash();
    this.#unanswered = [];
    await Promise.all([...sending, ...lost.map((connection) => this.ended(connection, 1006))]);
    if (cutOff.length > 0) await this.wake(); // An act by POST may or may not have woken the room.
    await this.settle();
    if (cutOff.length > 0) await this.checkPublicState();
    for (const client of returning) {
      const { over = "websocket", window } = client.connection ?? {};
      await this.join(client, { over, after: client.position, hasWindow: window !== undefined });
      await this.settle();
      const acts = [...client.unanswered].map(repeatOf);
      if (acts.length === 0) continue;
      await this.send({ client, acts, isArray: true, byPost: false });
      client.unanswered.clear();
      await this.settle();
    }
  }

  /** Ensures that an event reaches the room. */
  async wake(): Promise<void> {
    await infoOf(this.room);
    this.model.wake();
  }

  /** Reads the public state of the room. */
  async checkPublicState(): Promise<void> {
    this.model.wake();
    await expectPublicState(this.room, this.model);
  }

  /** Moves the clock, and runs the alarm when it is due, as the platform would. */
  async pass(ms: number): Promise<void> {
    const { model, room } = this;
    model.now += ms;
    vi.setSystemTime(model.now);
    for (const client of this.clients) client.spent = 0;
    for (;;) {
      const at = await inRoom(room, ({ storage }) => storage.getAlarm());
      if (at === null || at > model.now) return;
      await runDurableObjectAlarm(roomStub(room) as DurableObjectStub).catch(unlessExpired);
      model.wake();
    }
  }

  /** Runs the alarm if one is set, due or not. */
  async runAlarm(): Promise<void> {
    const ran = await runDurableObjectAlarm(roomStub(this.room) as DurableObjectStub);
    if (ran) this.model.wake();
  }

  /** Resolves once a connection has ended. If the client ended it, the room has noticed by then. */
  async ended(connection: Connection, code: number): Promise<void> {
    this.#ended.push(connection);
    this.waitsFor = `the close of ${connection.name}, ${code}`;
    const close = await connection.socket.closed;
    if (connection.answersLate) this.#unanswered.push(connection);
    if (close.code !== code)
      throw new Error(`[A6 C1 J5 L4 L7] ${connection.name} was closed with ${close.code}, not ${code}`);
  }

  /** A client finally replies to the room's close. */
  answerClose(): void {
    this.#unanswered.shift()?.socket.vanish();
  }

  /** Resolves once the room has noticed that a member's connection is lost. */
  async lost(client: Client): Promise<void> {
    this.waitsFor = `the room to notice that ${client.name} has lost its connection`;
    await lossNoticed(this.room, client);
  }

  /** Lets a client read and report until it is live. */
  async readOn(connection: Connection): Promise<void> {
    this.waitsFor = `${connection.name} to read everything`;
    const unread = await readOn(this.room, connection);
    if (unread > WINDOW / 2) connection.missVolatile(this.model.step);
  }

  /**
   * A client that reads nothing requests the large messages after an offset until it may receive no more replies, and
   * is closed for it (L7).
   */
  async askTooMuch(connection: Connection, window: ClientWindow, after: number): Promise<void> {
    const { model, room } = this;
    const batch = {
      client: connection.client,
      acts: [askingAfter(after)],
      isArray: false,
      byPost: false,
    };
    while (window.takesAnswer(CHARS_ASKED)) await this.send(batch);
    const { send } = prepare(model, room, batch);
    model.lose(connection.client.id, "disconnected");
    await Promise.all([send(true), this.ended(connection, 4003)]);
  }

  /** Lets every client read what it was sent, except a stalled one, and checks everything. */
  async settle(stalled?: Connection): Promise<void> {
    const { model } = this;
    const live = [...model.connections].filter((connection) => connection !== stalled);
    if (this.isFlooded) for (const connection of live) await this.readOn(connection);
    const mark = ++this.#marks;
    const stored = await readAndMark(this.room, mark);
    this.waitsFor = `everyone to read: ${live.map(({ name }) => name).join(", ")}`;
    const readers = stalled === undefined ? live : [...live, stalled];
    await Promise.all(readers.map(({ socket }) => socket.inbox.take("pong", (frame) => isMark(frame, mark))));
    for (const { act, answer } of this.#answers)
      if (act.attempt !== undefined && answer !== undefined) act.attempt.isRejected = answer.type === "error";
    model.adopt(stored);
    if (stalled !== undefined) this.#noteStall(stalled);
    const connections = [...live, ...this.#ended];
    const broken = judge({ model, stored, connections, answers: this.#answers });
    if (broken.length > 0) throw new Error(this.#byName(broken.join("\n")));
    this.#answers = [];
    this.#ended = [];
  }

  /** A client that has received its mark, but not everything that is for it, has fallen behind. */
  #noteStall(connection: Connection): void {
    const { frames, recorded, welcome, client } = connection;
    const { model } = this;
    const head = model.log.length;
    const read = recorded.at(-1)?.offset ?? welcome.offset;
    if (model.visible(client.id, read, head).length > 0)
      connection.stalls.push({ frames: frames.length, head });
  }

  /** Ids are random, but names are the same in each run. */
  #byName(text: string): string {
    return this.clients
      .reduce((named, { id, name }) => named.replaceAll(id, name), text)
      .replaceAll(/x{9,}/g, "x…");
  }
}

/** Ignores the error that the caller sees when a deleted room ends its object. */
function unlessExpired(error: unknown): void {
  if (!String(error).includes("expired")) throw error;
}

const HOUR_MS = 3_600_000;

/** Rejections that depend on the state, which a crash does not change. */
const OF_STATE: ReadonlySet<string> = new Set(["conflict", "not_owner"]);

/**
 * The number of messages that a session of any kind may always send at once: the clock stands still, so no budget
 * refills.
 */
const MAX_SPENT = 40;
