import { setTimeout as delay } from "node:timers/promises";
import type { Member } from "../load/member.ts";
import type { LoadTarget } from "../load/load-target.ts";
import { SPEAKERS } from "./common.ts";
import { withServer } from "./with-server.ts";
import type { Scenario } from "./scenario.ts";

/** What is said. It carries no stamp, whose bytes would be most of what is counted here. */
const SAID = '{"x":1,"y":2}';

/** Messages on their way at a time. */
const IN_FLIGHT = 20;

/** How long what is on its way may take. */
const DRAIN_TIMEOUT_MS = 30_000;

/** What a small message weighs on the wire, where messages come close upon each other. */
export const bytes: Scenario = {
  name: "bytes",
  about: ({ members }) =>
    `one room of ${members} members, ${IN_FLIGHT} messages ${SAID} on their way at a time: what comes over a member's socket for each, frames' headers included`,
  metrics: [{ name: "bytes/delivery", unit: "B", better: "less" }],
  contenders: [...SPEAKERS, "parlor-proto"],
  size: { members: 100, seconds: 3 },
  quickSize: { members: 20, seconds: 1 },
  run: withServer(async (target, { size: { members: count, seconds }, progress }) => {
    progress("joining");
    const load = new UnstampedLoad(target, count);
    await load.ready();
    progress("publishing");
    const before = load.bytesRead;
    load.begin();
    await delay(seconds * 1_000);
    const late = await load.end();
    return {
      values: { "bytes/delivery": (load.bytesRead - before) / load.deliveries },
      flaws: [
        ...(late === 0 ? [] : [`${late.toLocaleString("en")} deliveries more or less than were published`]),
        ...(load.refusals === 0 ? [] : [`${load.refusals} messages were refused`]),
      ],
    };
  }),
};

/** Members of one room who keep messages on their way that nothing tells from one another: they are only counted. */
class UnstampedLoad {
  readonly #members: Member[];
  #published = 0;
  #delivered = 0;
  #isOver = true;

  constructor(target: LoadTarget, count: number) {
    const read = (text: Buffer, start: number, end: number): number => {
      const found = occurrences(text, start, end);
      this.#delivered += found;
      this.#goOn();
      return found;
    };
    this.#members = Array.from({ length: count }, () => target.join(0, { read }));
  }

  async ready(): Promise<void> {
    await Promise.all(this.#members.map(({ ready }) => ready));
    await delay(500); // the news of who joined has come
  }

  get deliveries(): number {
    return this.#delivered;
  }

  get bytesRead(): number {
    return this.#members.reduce((sum, member) => sum + member.bytesRead, 0);
  }

  get refusals(): number {
    return this.#members.reduce((sum, member) => sum + member.refusals, 0);
  }

  begin(): void {
    this.#isOver = false;
    this.#goOn();
  }

  /** Begins no more; resolves with how many deliveries are missing, or too many, once all should have come. */
  async end(): Promise<number> {
    this.#isOver = true;
    const deadline = Date.now() + DRAIN_TIMEOUT_MS;
    while (this.#late > 0 && Date.now() < deadline) await delay(20);
    await delay(100); // acks that come behind the last ones are a part of what they weigh
    return this.#late;
  }

  get #late(): number {
    return this.#published * this.#members.length - this.#delivered;
  }

  #goOn(): void {
    while (!this.#isOver && this.#late <= (IN_FLIGHT - 1) * this.#members.length) {
      this.#members[this.#published++ % this.#members.length]?.publish(SAID);
    }
  }
}

const SAID_BYTES = Buffer.from(SAID);

function occurrences(text: Buffer, start: number, end: number): number {
  let count = 0;
  for (let at = start; at <= end - SAID_BYTES.length; at++) {
    if (text[at] !== SAID_BYTES[0] || text[at + 2] !== SAID_BYTES[2]) continue;
    if (SAID_BYTES.compare(text, at, at + SAID_BYTES.length) === 0) count++;
  }
  return count;
}
