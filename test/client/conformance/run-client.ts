import { vi } from "vitest";
import {
  joinRoom,
  type JoinOptions,
  type ParlorError,
  type Room,
  type SetOptions,
} from "../../../src/client/index.ts";
import type { ServerFrame } from "../../../src/protocol/frames.ts";
import { isJsonObject, type Json } from "../../../src/protocol/json.ts";
import type { Run } from "../../conformance/cases.ts";
import type { FramePattern, Pattern, Step, TransportName } from "../../conformance/format.ts";
import { Bindings, mismatch, valueOf } from "../../conformance/patterns.ts";
import { DEFAULT_FRAMES } from "./default-frames.ts";
import { expectEffect, expectMessages, expectSame, type Emitted, type Outcome } from "./expectations.ts";
import type { ScriptedConnection } from "./scripted-connection.ts";
import { scriptedWebSocket } from "./scripted-socket.ts";
import { scriptedFetch } from "./scripted-stream.ts";

/** How long a client that must not reconnect is watched, in milliseconds of the fake clock. */
const WATCHED_MS = 600_000;

/** The number of timers that may fire before the client does what the case names. */
const MAX_TIMERS = 50;

/**
 * Runs a case against `joinRoom`: plays the server, and compares what each client sends and what its application receives. Time
 * is the fake clock of vitest.
 */
export async function expectClientPasses({ case: { steps }, transport }: Run): Promise<void> {
  const bindings = new Bindings();
  const players = new Map<string, Player>();
  for (const [index, step] of steps.entries()) {
    if ("server" in step) continue;
    const player = players.get(step.client) ?? new Player(transport, bindings);
    players.set(step.client, player);
    try {
      await player.perform(step);
    } catch (error) {
      throw new Error(`step ${index + 1}, ${JSON.stringify(step)}: ${String(error)}`, { cause: error });
    }
  }
  for (const player of players.values()) player.end();
}

/** One client of a case, the connections that it opens, and what its application receives. */
class Player {
  readonly #bindings: Bindings;
  readonly #transport: TransportName;
  readonly #opened: ScriptedConnection[] = [];
  readonly #events: Emitted[] = [];
  /** The refs that the client chose, by the refs of the case, and the outcomes of the acts. */
  readonly #refs = new Map<number, number>();
  readonly #outcomes = new Map<number, Outcome>();
  /** The offsets that the application has received. */
  #offset = 0;
  #dialled = 0;
  #room: Room | undefined;
  #since = Date.now();

  constructor(transport: TransportName, bindings: Bindings) {
    this.#transport = transport;
    this.#bindings = bindings;
  }

  async perform(step: Exclude<Step, { readonly server: unknown }>): Promise<void> {
    const isEarly = (notBeforeMs = 0): boolean => Date.now() - this.#since < notBeforeMs;
    if ("connect" in step) {
      await this.#connect(step.connect);
      expectSame(isEarly(step.notBeforeMs), false, "the client connected too early");
    } else if ("receives" in step) await this.#receive(step.receives);
    else if ("sends" in step) {
      this.#act(step.sends);
      for (const pattern of [step.sends].flat() as FramePattern[]) await this.#expectSent(pattern);
    } else if ("sendsByItself" in step) {
      await this.#expectSent(step.sendsByItself);
      expectSame(isEarly(step.notBeforeMs), false, "the client sent it too early");
    } else if ("loses" in step) this.#connection.end(1006);
    else if ("closes" in step) {
      this.#joined.close();
      expectSame(this.#connection.closedWith, step.closes, "the code of the client's close");
    } else if ("closed" in step) await this.#closed(step.closed);
    else throw new Error("only servers have this step");
    await settled();
    this.#since = Date.now();
  }

  /** Nothing that the case does not name was sent. */
  end(): void {
    this.#room?.close();
    const sent = this.#opened.flatMap(({ sent }) => sent);
    expectSame(
      sent.filter((item) => item !== "ping"),
      [],
      "what the case does not name",
    );
  }

  get #connection(): ScriptedConnection {
    const connection = this.#opened[this.#dialled - 1];
    if (connection === undefined) throw new Error("the client is not connected");
    return connection;
  }

  get #joined(): Room {
    if (this.#room === undefined) throw new Error("the client has not joined");
    return this.#room;
  }

  async #connect(query: Readonly<Record<string, Pattern>>): Promise<void> {
    this.#room ??= this.#join(query);
    await this.#until(() => this.#opened.length > this.#dialled);
    this.#dialled++;
    const { query: joined, key } = this.#connection;
    for (const [name, pattern] of Object.entries(query)) {
      const text = joined.get(name);
      if (name === "key") this.#check(pattern, key);
      else if (name === "presence") this.#check(pattern, JSON.parse(text ?? "null"));
      else this.#check(pattern, typeof pattern === "number" ? Number(text) : text);
    }
  }

  #join(query: Readonly<Record<string, Pattern>>): Room {
    const { key: _key, after: position, flow: _flow, view, ...others } = query;
    const options = { ...others, position, view: view === 1 || undefined } as JoinOptions;
    const room = joinRoom("https://parlor.test/rooms/lobby", {
      ...options,
      transports: [this.#transport],
      WebSocket: scriptedWebSocket(this.#opened),
      fetch: scriptedFetch(this.#opened),
    });
    for (const type of ["message", "welcome", "presence", "shared", "error", "closed"] as const)
      room.on(type, (event) => void this.#events.push({ type, event }));
    return room;
  }

  /** Calls the method of the client that sends such frames, in one task. */
  #act(frames: FramePattern | readonly FramePattern[] | string): void {
    for (const pattern of [frames].flat() as (FramePattern | string)[]) {
      if (typeof pattern === "string") throw new Error("applications do not send text");
      const frame = valueOf(pattern, this.#bindings);
      if (!isJsonObject(frame)) throw new Error("not a frame");
      const { ref } = frame;
      const outcome: Outcome = {};
      if (typeof ref === "number") this.#outcomes.set(ref, outcome);
      this.#call(frame)?.then(
        (published) => (outcome.offset = published?.offset),
        (error: ParlorError) => (outcome.error = error),
      );
    }
  }

  #call(frame: { readonly [field: string]: unknown }): Promise<{ offset: number } | void> | undefined {
    const room = this.#joined;
    const { data, set, delete: deleted, if: versions, own } = frame;
    const { event, to, key } = frame as { event: string; to?: readonly string[]; key?: string };
    switch (frame["type"]) {
      case "publish":
        if (frame["volatile"] !== true) return room.publish(event, data, { to });
        room.send(event, data, { to, key });
        return undefined;
      case "set":
        return room.shared.set(
          (set ?? {}) as Record<string, unknown>,
          { delete: deleted, if: versions, own } as SetOptions,
        );
      case "presence":
        return room.setPresence(data);
      case "leave":
        return room.leave();
      default:
        throw new Error(`no method of the client sends ${String(frame["type"])}`);
    }
  }

  async #expectSent(pattern: FramePattern | string): Promise<void> {
    const { sent } = this.#connection;
    await this.#until(() => sent.some((item) => item !== "ping" || pattern === "ping"));
    while (pattern !== "ping" && sent[0] === "ping") this.#answerPing();
    const item = sent.shift();
    if (typeof pattern === "string" || !isJsonObject(item)) return this.#check(pattern, item);
    const { ref, ...others } = pattern;
    this.#check(others, item);
    if (typeof ref !== "number") return;
    const known = this.#refs.get(ref);
    if (known !== undefined) expectSame(item["ref"], known, "the ref of a repeated act");
    else expectSame([...this.#refs.values()].includes(Number(item["ref"])), false, "the ref was used before");
    this.#refs.set(ref, Number(item["ref"]));
  }

  async #receive(patterns: readonly FramePattern[]): Promise<void> {
    const room = this.#joined;
    const frames = patterns.map((pattern) => {
      const base = {
        ...DEFAULT_FRAMES[pattern.type],
        ...(pattern.type === "welcome" && this.#welcome),
      };
      return valueOf(pattern, this.#bindings, base) as unknown as ServerFrame;
    });
    const before = this.#events.length;
    this.#connection.deliver(frames.map((frame) => this.#withOwnRef(frame)));
    await settled();
    const events = this.#events.slice(before);
    const messages = frames.flatMap((frame) => this.#messageIn(frame, room.self) ?? []);
    expectMessages(events, messages);
    for (const frame of frames) expectEffect(frame, { room, events, outcomes: this.#outcomes });
  }

  /** The fields of a welcome that depend on the client. */
  get #welcome(): object {
    const position = valueOf({ $position: 0 }, this.#bindings);
    return { key: this.#joined.key, position, head: position };
  }

  /** The same frame with the ref that the client chose for the act. */
  #withOwnRef(frame: ServerFrame): object {
    if (!("ref" in frame) || frame.ref === undefined) return frame;
    return { ...frame, ref: this.#refs.get(frame.ref) ?? frame.ref };
  }

  /** The event of a message; `undefined` if the application does not receive it (again). */
  #messageIn(frame: ServerFrame, self: string | undefined): object | undefined {
    if (frame.type === "welcome") this.#offset = Number(frame.position.split(":")[1]);
    if (frame.type !== "message") return undefined;
    const { offset, from, event, data } = frame;
    if (offset === undefined) return from === self ? undefined : { from, event, data };
    if (offset <= this.#offset) return undefined;
    this.#offset = offset;
    return { offset, from, event, data };
  }

  async #closed({ code = 1006, retry }: { readonly code?: number; readonly retry: boolean }): Promise<void> {
    this.#connection.end(code);
    await settled();
    const isClosed = this.#events.some(({ type }) => type === "closed");
    expectSame(isClosed, !retry, "whether the client has given up");
    if (retry) return;
    await vi.advanceTimersByTimeAsync(WATCHED_MS);
    expectSame(this.#opened.length, this.#dialled, "the connections that the client opened");
  }

  #answerPing(): void {
    this.#connection.sent.shift();
    this.#connection.deliver([{ type: "pong" }]);
  }

  /** Lets time pass until the client has done something. */
  async #until(isDone: () => boolean): Promise<void> {
    await settled();
    for (let timers = 0; !isDone() && timers < MAX_TIMERS; timers++) await vi.advanceTimersToNextTimerAsync();
    if (!isDone()) throw new Error("the client has not done this");
  }

  #check(pattern: Pattern, actual: unknown): void {
    const difference = mismatch(pattern, actual, this.#bindings);
    if (difference !== undefined)
      throw new Error(`${difference}; the client sent ${JSON.stringify(actual as Json)}`);
  }
}

/** Runs all promises that are ready, without time passing. */
async function settled(): Promise<void> {
  await vi.dynamicImportSettled(); // the code for SSE
  await vi.advanceTimersByTimeAsync(0);
}
