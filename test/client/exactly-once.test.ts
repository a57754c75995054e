import fc from "fast-check";
import { expect, it } from "vitest";
import type { ServerFrame } from "../../src/protocol/frames.ts";
import { at, messageFrame, type FakeTransport } from "./fake-transport.ts";
import { settled } from "./fake-world.ts";
import { Visit } from "./visit.ts";

/** A room of the simplest kind that keeps rules A2, A3 and P4, over lines that lose what they carry when they are cut. */
class ModelRoom {
  readonly log: unknown[] = [];
  readonly #offsets = new Map<number, number>();
  #line: FakeTransport | undefined;
  #taken = 0;
  #outgoing: ServerFrame[][] = [];

  /** Whether there is nothing on its way. */
  isQuietOn(line: FakeTransport): boolean {
    return line === this.#line && this.#taken === line.frames.length && this.#outgoing.length === 0;
  }

  /** Lets a line in. */
  join(line: FakeTransport): void {
    if (line === this.#line) return;
    this.#line = line;
    this.#taken = 0;
    this.#outgoing = [];
    const after = line.target.after === undefined ? 0 : Number(line.target.after.split(":")[1]);
    const missed = this.log.slice(after).map((data, index) => message(after + index + 1, data));
    line.welcome({
      position: at(after),
      head: at(this.log.length),
      ...(line.target.after && { recovered: true }),
    });
    if (missed.length === 0) return;
    this.#outgoing.push(missed, [{ type: "position", position: at(this.log.length), reason: "replayed" }]);
  }

  /** Takes the next frame that has arrived, or refuses it whole. */
  take(line: FakeTransport, refuse: boolean): void {
    const frame = line === this.#line ? line.frames[this.#taken] : undefined;
    if (frame === undefined) return;
    this.#taken++;
    const messages: ServerFrame[] = [];
    const answers: ServerFrame[] = [];
    for (const { ref = 0, data } of frame) {
      if (refuse) {
        answers.push({ type: "error", ref, code: "rate_limited", message: "spent", retryAfterMs: 50 });
        continue;
      }
      if (!this.#offsets.has(ref)) {
        this.#offsets.set(ref, this.log.push(data));
        messages.push(message(this.log.length, data));
      }
      answers.push({ type: "ack", ref, offset: this.#offsets.get(ref) ?? 0 });
    }
    this.#outgoing.push([...messages, ...answers]);
  }

  /** The next frame reaches the client. */
  deliver(): void {
    const frames = this.#outgoing.shift();
    if (frames !== undefined) this.#line?.deliver(...frames);
  }
}

function message(offset: number, data: unknown): ServerFrame {
  return messageFrame(offset, "me", Number(data));
}

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom("publish", "take", "deliver") },
    { weight: 1, arbitrary: fc.constantFrom("cut", "refuse", "pass") },
  ),
  { maxLength: 120, size: "max" },
);

it("[G3 G4 A3 P4] whatever is lost on the way, every publish is stored once and every message told once, in order", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const room = new ModelRoom();
      const made = new Visit({ rewind: 1_000, transports: ["websocket"] });
      const acks: Promise<{ readonly offset: number }>[] = [];
      let acked = 0;
      await settled();
      for (const step of script) {
        room.join(made.line);
        if (step === "publish") {
          const ack = made.room.publish("chat", acks.length);
          acks.push(ack);
          void ack.then(() => acked++);
        } else if (step === "take") room.take(made.line, false);
        else if (step === "refuse") room.take(made.line, true);
        else if (step === "deliver") room.deliver();
        else if (step === "pass") await made.world.pass(100);
        else {
          made.line.end();
          await made.nextDial();
        }
        await settled();
      }

      for (
        let round = 0;
        round < 10_000 && (acked < acks.length || made.offsets.length < acks.length);
        round++
      ) {
        await made.world.pass(10);
        room.join(made.line);
        while (!room.isQuietOn(made.line)) {
          room.take(made.line, false);
          room.deliver();
        }
      }

      const offsets = Array.from(acks, (_, index) => index + 1);
      expect(room.log.toSorted((one, other) => Number(one) - Number(other))).toEqual(
        acks.map((_, index) => index),
      );
      expect(made.offsets).toEqual(offsets);
      expect(made.told.message.map(({ data }) => data)).toEqual(room.log);
      const told = await Promise.all(acks);
      expect(told.map(({ offset }) => offset).toSorted((one, other) => one - other)).toEqual(offsets);
      expect(told.map(({ offset }) => room.log[offset - 1])).toEqual(acks.map((_, index) => index));
      made.room.close();
    }),
    { numRuns: 200 },
  );
});
