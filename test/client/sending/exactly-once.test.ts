import fc from "fast-check";
import { expect, it } from "vitest";
import type { SharedValue } from "../../../src/client/views/shared-state.ts";
import type { ServerFrame } from "../../../src/protocol/frames.ts";
import {
  at,
  messageFrame,
  stateFrame,
  type FakeTransport,
  type SentItem,
} from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { TestClient } from "../support/test-client.ts";

/** The key that the acts of this test set. */
const KEY = "sum";

/**
 * The simplest room that keeps rules A2, A3, P4 and T1-T4. Its connections lose their frames in flight when they are
 * cut.
 */
class ModelRoom {
  readonly log: ServerFrame[] = [];
  shared: SharedValue | undefined;
  readonly #offsets = new Map<number, number>();
  #line: FakeTransport | undefined;
  #taken = 0;
  #outgoing: ServerFrame[][] = [];

  /** Whether no frame is in flight. */
  isQuietOn(line: FakeTransport): boolean {
    return line === this.#line && this.#taken === line.frames.length && this.#outgoing.length === 0;
  }

  /** Accepts a connection. */
  join(line: FakeTransport): void {
    if (line === this.#line) return;
    this.#line = line;
    this.#taken = 0;
    this.#outgoing = [];
    const isBack = line.target.after !== undefined;
    const after = isBack ? Number(line.target.after?.split(":")[1]) : 0;
    const missed = this.log.slice(after);
    const { value = 0, version = 0 } = this.shared ?? {};
    line.welcome({
      position: at(after),
      head: at(this.log.length),
      ...(isBack && { recovered: true }),
      ...((!isBack || line.target.state === true) && {
        state: version === 0 ? {} : { [KEY]: [value, version] },
        stateOffset: this.log.length,
      }),
    });
    if (missed.length === 0) return;
    this.#outgoing.push(missed, [{ type: "position", position: at(this.log.length), reason: "replayed" }]);
  }

  /** Handles the next frame that has arrived, or rejects it as a whole. */
  take(line: FakeTransport, refuse: boolean): void {
    const frame = line === this.#line ? line.frames[this.#taken] : undefined;
    if (frame === undefined) return;
    this.#taken++;
    const before = this.log.length;
    const answers = frame.map((item) => this.#do(item, refuse));
    this.#outgoing.push([...this.log.slice(before), ...answers]);
  }

  /** Another member changes the state. */
  meddle(): void {
    this.#set(Number(this.shared?.value ?? 0) + 1_000, "ana");
    this.#outgoing.push(this.log.slice(-1));
  }

  /** The next frame reaches the client. */
  deliver(): void {
    const frames = this.#outgoing.shift();
    if (frames !== undefined) this.#line?.deliver(...frames);
  }

  #do({ type, ref = 0, data, set, if: expected }: SentItem, refuse: boolean): ServerFrame {
    if (refuse) return { type: "error", ref, code: "rate_limited", message: "spent", retryAfterMs: 50 };
    const known = this.#offsets.get(ref);
    if (known !== undefined) return { type: "ack", ref, offset: known };
    const version = this.shared?.version ?? 0;
    if (type === "set" && expected?.[KEY] !== version) {
      return { type: "error", ref, code: "conflict", message: "changed", versions: { [KEY]: version } };
    }
    if (type === "set") this.#set(Number(set?.[KEY]), "me");
    else this.log.push(messageFrame(this.log.length + 1, "me", Number(data)));
    this.#offsets.set(ref, this.log.length);
    return { type: "ack", ref, offset: this.log.length };
  }

  #set(value: number, from: string): void {
    this.log.push(stateFrame(this.log.length + 1, { set: { [KEY]: value } }, from));
    this.shared = { value, version: this.log.length };
  }
}

/** Lets time pass and delivers everything, until the condition holds. */
async function finish(room: ModelRoom, client: TestClient, isDone: () => boolean): Promise<void> {
  for (let round = 0; round < 10_000 && !isDone(); round++) {
    await client.world.pass(10);
    room.join(client.transport);
    while (!room.isQuietOn(client.transport)) {
      room.take(client.transport, false);
      room.deliver();
    }
  }
}

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom("publish", "take", "deliver") },
    { weight: 2, arbitrary: fc.constantFrom("add") },
    { weight: 1, arbitrary: fc.constantFrom("cut", "refuse", "pass", "meddle") },
  ),
  { maxLength: 120, size: "max" },
);

it("[G3 G4 A3 P4 T2 T4] whatever the network loses, every act takes effect once, and every event is delivered once, in order", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const room = new ModelRoom();
      const client = new TestClient({ rewind: 1_000, transports: ["websocket"] });
      const acks: Promise<{ readonly offset: number }>[] = [];
      const sums: Promise<number>[] = [];
      let answered = 0;
      await settled();
      for (const step of script) {
        room.join(client.transport);
        if (step === "publish") {
          const ack = client.room.publish("chat", acks.length);
          acks.push(ack);
          void ack.then(() => answered++);
        } else if (step === "add") {
          const { value = 0, version } = client.room.shared.get(KEY) ?? {};
          const set = client.room.shared.set({ [KEY]: Number(value) + 1 }, { if: { [KEY]: version } });
          sums.push(
            set.then(
              ({ offset }) => offset,
              () => 0,
            ),
          );
          void sums.at(-1)?.then(() => answered++);
        } else if (step === "meddle") room.meddle();
        else if (step === "take") room.take(client.transport, false);
        else if (step === "refuse") room.take(client.transport, true);
        else if (step === "deliver") room.deliver();
        else if (step === "pass") await client.world.pass(100);
        else {
          client.transport.end();
          await client.nextDial();
        }
        await settled();
      }

      const isDone = (): boolean =>
        answered === acks.length + sums.length && client.room.position === at(room.log.length);
      await finish(room, client, isDone);

      const messages = room.log.filter((frame) => frame.type === "message");
      expect(messages.map(({ data }) => Number(data)).toSorted((one, other) => one - other)).toEqual(
        acks.map((_, index) => index),
      );
      expect(client.emitted.message).toEqual(messages);
      const told = await Promise.all(acks);
      expect(told.map(({ offset }) => messages.find((message) => message.offset === offset)?.data)).toEqual(
        acks.map((_, index) => index),
      );

      const changes = room.log.filter((frame) => frame.type === "state");
      expect(client.room.shared.get(KEY)).toEqual(room.shared);
      const own = changes.filter(({ from }) => from === "me").map(({ offset }) => offset);
      const resolved = (await Promise.all(sums)).filter((offset) => offset > 0);
      expect(resolved.toSorted((one, other) => one - other)).toEqual(own);
      expect(Number(room.shared?.value ?? 0)).toBe(own.length + 1_000 * (changes.length - own.length));
      client.room.close();
    }),
    { numRuns: 200 },
  );
});

/** An act that the application may abort, and how it settled: an offset or the code of an error. */
interface Abortable {
  readonly control: AbortController;
  readonly outcomes: (number | string)[];
}

/** Performs an act that can be aborted, and notes each time that it settles. */
function abortable(
  perform: (options: { readonly signal: AbortSignal }) => Promise<{ readonly offset: number }>,
): Abortable {
  const control = new AbortController();
  const outcomes: (number | string)[] = [];
  perform({ signal: control.signal }).then(
    ({ offset }) => outcomes.push(offset),
    ({ code }: { readonly code: string }) => outcomes.push(code),
  );
  return { control, outcomes };
}

const stepsWithAborts = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom("publish", "update", "take", "deliver") },
    { weight: 3, arbitrary: fc.constantFrom("abort oldest", "abort newest") },
    { weight: 1, arbitrary: fc.constantFrom("cut", "refuse", "pass", "meddle") },
  ),
  { maxLength: 120, size: "max" },
);

it("[G3 A3 T2] whatever is aborted and lost, an act that resolves takes effect once, one that is aborted never, and one with an unknown outcome at most once", async () => {
  await fc.assert(
    fc.asyncProperty(stepsWithAborts, async (script) => {
      const room = new ModelRoom();
      const client = new TestClient({ rewind: 1_000, transports: ["websocket"] });
      const messages: Abortable[] = [];
      const updates: Abortable[] = [];
      const waiting = (): Abortable[] =>
        [...messages, ...updates].filter(
          ({ control, outcomes }) => !control.signal.aborted && outcomes.length === 0,
        );
      await settled();
      for (const step of script) {
        room.join(client.transport);
        if (step === "publish") {
          const data = messages.length;
          messages.push(abortable((options) => client.room.publish("chat", data, options)));
        } else if (step === "update") {
          updates.push(
            abortable((options) => client.room.shared.update(KEY, (sum = 0) => Number(sum) + 1, options)),
          );
        } else if (step === "abort oldest") waiting()[0]?.control.abort();
        else if (step === "abort newest") waiting().at(-1)?.control.abort();
        else if (step === "meddle") room.meddle();
        else if (step === "take") room.take(client.transport, false);
        else if (step === "refuse") room.take(client.transport, true);
        else if (step === "deliver") room.deliver();
        else if (step === "pass") await client.world.pass(100);
        else {
          client.transport.end();
          await client.nextDial();
        }
        await settled();
      }
      await finish(room, client, () => client.room.pending.count === 0);
      await settled();

      const all = [...messages, ...updates];
      expect(all.filter(({ outcomes }) => outcomes.length !== 1)).toEqual([]);
      for (const [data, { outcomes }] of messages.entries()) {
        const stored = room.log.flatMap((frame) =>
          frame.type === "message" && frame.data === data ? (frame.offset ?? 0) : [],
        );
        const [outcome] = outcomes;
        const certain = outcome === "aborted" ? [] : [outcome];
        expect(stored).toEqual(outcome === "outcome_unknown" ? stored.slice(0, 1) : certain);
      }
      const meddled = room.log.filter((frame) => frame.type === "state" && frame.from === "ana").length;
      const sum = Number(room.shared?.value ?? 0) - 1_000 * meddled;
      const resolved = updates.filter(({ outcomes }) => typeof outcomes[0] === "number").length;
      const unknown = updates.filter(({ outcomes }) => outcomes[0] === "outcome_unknown").length;
      expect(sum).toBeGreaterThanOrEqual(resolved);
      expect(sum).toBeLessThanOrEqual(resolved + unknown);
      client.room.close();
    }),
    { numRuns: 200 },
  );
});
