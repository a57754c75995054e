import { runDurableObjectAlarm } from "cloudflare:test";
import { vi } from "vitest";
import type { Json } from "../../../src/protocol/json.ts";
import { kinds } from "../../../src/rooms.ts";
import { crash, inRoom, infoOf, roomStub, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { join } from "../support/websocket.ts";
import { repeatOf } from "./acts.ts";
import { judge, type AnsweredAct } from "./checks.ts";
import { Connection, type Transport } from "./connection.ts";
import { Model } from "./model.ts";
import { Player } from "./player.ts";
import { isLost, isMark, readAndMark } from "./recorded.ts";
import { prepare, server, type Saying } from "./sending.ts";

/** Whether the room's members have a grace: of a kind that gives one, or of one that does not. */
export type Kind = "chat" | "default";

/** The members of a sequence. */
export const NAMES = ["ana", "bob", "cem"] as const;

/** How a client joins. */
export interface Joining {
  readonly over: Transport;
  /** The position it brings, as text. */
  readonly after?: string | undefined;
  /** How it brings the position over SSE: as a returning EventSource does, or in the URL. */
  readonly isHeader?: boolean | undefined;
  readonly rewind?: number | undefined;
  /** Whether it leaves the room's close of its WebSocket unanswered until {@link Game.answerClose}. */
  readonly answersLate?: boolean | undefined;
  readonly presence?: Json | undefined;
}

/**
 * A room, its model, and clients who use both at once. After each step {@link settle} lets everyone read what it was
 * sent, and holds what happened against the model.
 */
export class Game {
  readonly room: string;
  readonly model: Model;
  readonly players: readonly Player[];
  /** What is waited for, for the report of a failure. */
  waitsFor = "";
  #answers: AnsweredAct[] = [];
  #ended: Connection[] = [];
  /** Connections that the room has closed, and whose clients have not answered that. */
  #unanswered: Connection[] = [];
  #marks = 0;

  private constructor(room: string, model: Model, players: readonly Player[]) {
    this.room = room;
    this.model = model;
    this.players = players;
  }

  static async begin(kind: Kind): Promise<Game> {
    // Ahead of the platform's clock, so that no alarm comes by itself; and on the grid of its deadlines.
    const now = (Math.ceil(vi.getRealSystemTime() / HOUR_MS) + 1) * HOUR_MS;
    vi.setSystemTime(now);
    const room = uniqueRoom(kind);
    const graceMs = kind === "chat" ? (kinds.chat.graceMs ?? 0) : 0; // of others, see vitest.config.ts
    return new Game(
      room,
      new Model(graceMs, now),
      await Promise.all(NAMES.map((name) => Player.of(name, room))),
    );
  }

  /** A client joins, takes over from its own older connection, or comes back. */
  async join(player: Player, joining: Joining): Promise<void> {
    const { model } = this;
    const { over, after, isHeader, rewind, presence, answersLate = false } = joining;
    model.wake();
    const older = model.connectionOf(player.id);
    const { head } = model;
    this.waitsFor = `the welcome of ${player.name}`;
    const rewound = rewind === undefined ? head : Math.max(model.floor, head - rewind);
    const start = after === undefined ? { offset: rewound } : model.resume(after);
    model.arrive(player.id, presence);
    const welcome = { ...start, epoch: model.epoch, head, members: model.list() };
    const options = {
      to: server,
      key: player.key,
      allowHalfOpen: answersLate,
      ...(after !== undefined && (isHeader && over === "sse" ? { lastEventId: after } : { after })),
      ...(presence !== undefined && { presence }),
      ...(rewind !== undefined && { query: { rewind: String(rewind) } }),
    };
    const socket = await (over === "websocket" ? join(this.room, options) : joinSse(this.room, options));
    player.connection = new Connection(player, over, socket, welcome, model.now);
    player.connection.answersLate = answersLate;
    model.connections.add(player.connection);
    model.epoch ??= socket.position.split(":")[0];
    if (older !== undefined) await this.ended(older, 4504);
  }

  /** Has clients say something, all at once; who has said too much for its budget keeps silent. */
  async say(...sayings: readonly Saying[]): Promise<void> {
    const { model } = this;
    const heard = sayings.filter((saying) => this.mayBeSaid(saying));
    if (heard.length > 0) model.wake();
    const prepared = heard.map((saying) => prepare(model, this.room, saying));
    this.waitsFor = `answers to ${heard.map(({ player }) => player.name).join(" and ")}`;
    await Promise.all(
      prepared.map(async ({ player, acts, send }) => {
        const answers = await send();
        if (answers.length !== acts.length)
          throw new Error(`[H2] ${player.name} got ${answers.length} answers to ${acts.length} acts`);
        this.#answers.push(...acts.map((act, index) => ({ by: player.name, act, answer: answers[index] })));
      }),
    );
  }

  /** Whether a client has the budget to say this. */
  mayBeSaid({ player, acts }: Saying): boolean {
    return player.spent + acts.length < MAX_SPENT;
  }

  /**
   * Everything ends without a word, while clients are saying something, which they repeat once they are back.
   *
   * @param trips how far what they say has come by then, as round trips to the room; with none it was never sent
   */
  async crash(sayings: readonly Saying[], trips: number, returning: readonly Player[]): Promise<void> {
    const { model } = this;
    const lost = [...model.connections];
    model.beginCrash();
    const cutOff = sayings.filter(
      (saying) => this.mayBeSaid(saying) && model.connectionOf(saying.player.id) !== undefined,
    );
    const prepared = cutOff.map((saying) => prepare(model, this.room, saying));
    const sending = prepared.map(async ({ player, acts, send }) => {
      for (const { frame } of acts) if (frame.ref !== undefined) player.unanswered.add(frame.ref);
      const answers = trips === 0 ? [] : await send().catch(() => []);
      for (const [index, act] of acts.entries()) {
        const answer = answers[index];
        if (answer?.type !== "ack") continue; // By POST it may have met the next life of the room, or none.
        this.#answers.push({ by: player.name, act, answer });
        if (act.frame.ref !== undefined) player.unanswered.delete(act.frame.ref);
      }
    });
    for (let trip = 0; trip < trips; trip++) await inRoom(this.room, () => undefined);
    await crash();
    model.crash();
    this.#unanswered = [];
    await Promise.all([...sending, ...lost.map((connection) => this.ended(connection, 1006))]);
    await this.settle();
    if (cutOff.length > 0) await this.look(); // What came by POST may have woken the room, or not.
    for (const player of returning) {
      await this.join(player, { over: player.connection?.over ?? "websocket", after: player.position });
      const acts = [...player.unanswered].map(repeatOf);
      if (acts.length === 0) continue;
      await this.say({ player, acts, isArray: true, byPost: false });
      player.unanswered.clear();
      await this.settle();
    }
  }

  /** Asks how many are here and where the log ends, as anyone may. */
  async look(): Promise<void> {
    const { model } = this;
    model.wake();
    const { members, position } = await infoOf(this.room);
    const [is, should] = [
      `${members} at ${position}`,
      `${model.members.size} at ${model.epoch}:${model.head}`,
    ];
    if (is !== should) throw new Error(`[N3] the room tells of ${is}, not of ${should}`);
  }

  /** Moves time, and runs the alarm when it is due, as the platform would. */
  async pass(ms: number): Promise<void> {
    const { model, room } = this;
    model.now += ms;
    vi.setSystemTime(model.now);
    for (const player of this.players) player.spent = 0;
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

  /** Resolves once a connection has ended; the room has noticed before, if it was the client that ended it. */
  async ended(connection: Connection, code: number): Promise<void> {
    this.#ended.push(connection);
    this.waitsFor = `the close of ${connection.name}, ${code}`;
    const departure = await connection.socket.closed;
    if (connection.answersLate) this.#unanswered.push(connection);
    if (departure.code !== code)
      throw new Error(`[A6 C1 J5 L4] ${connection.name} was closed with ${departure.code}, not ${code}`);
  }

  /** A client answers a close of the room's at last. */
  answerClose(): void {
    this.#unanswered.shift()?.socket.vanish();
  }

  /** Resolves once the room has noticed that a member's connection is lost. */
  async lost({ id, name }: Player): Promise<void> {
    this.waitsFor = `the room to see that ${name} is lost`;
    const look = async (): Promise<void> => {
      if (!(await isLost(this.room, id))) throw new Error(`[M4] ${name} is lost, and still seems connected`);
    };
    await vi.waitFor(look, { interval: 1, timeout: 10_000 });
  }

  /** Lets everyone read what it was sent, and judges it all. */
  async settle(): Promise<void> {
    const { model } = this;
    const mark = ++this.#marks;
    const stored = await readAndMark(this.room, mark);
    const live = [...model.connections];
    this.waitsFor = `everyone to read on: ${live.map(({ name }) => name).join(", ")}`;
    await Promise.all(live.map(({ socket }) => socket.inbox.take("pong", (frame) => isMark(frame, mark))));
    model.adopt(stored);
    const connections = [...live, ...this.#ended];
    const broken = judge({ model, stored, connections, answers: this.#answers });
    if (broken.length > 0) throw new Error(this.#byName(broken.join("\n")));
    this.#answers = [];
    this.#ended = [];
  }

  /** Ids are random; names are the same each time. */
  #byName(text: string): string {
    return this.players.reduce((named, { id, name }) => named.replaceAll(id, name), text);
  }
}

/** The object of a room that is deleted ends itself, which its caller sees. */
function unlessExpired(error: unknown): void {
  if (!String(error).includes("expired")) throw error;
}

const HOUR_MS = 3_600_000;

/** What a session of any kind may send at once, by far: the clock stands still, and no budget refills. */
const MAX_SPENT = 40;
