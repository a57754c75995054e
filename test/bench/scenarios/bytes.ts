import { setTimeout as delay } from "node:timers/promises";
import type { Member } from "../load/member.ts";
import type { LoadTarget } from "../load/load-target.ts";
import { SPEAKERS } from "./common.ts";
import { withServer } from "./with-server.ts";
import type { Scenario } from "./scenario.ts";

/** The published data. It has no stamp, which would make up most of the counted bytes. */
const PAYLOAD = '{"x":1,"y":2}';

/** Messages in flight at a time. */
const IN_FLIGHT = 20;

/** How long outstanding deliveries may take. */
const DRAIN_TIMEOUT_MS = 30_000;

/** The size of a small message on the wire when messages follow each other closely. */
export const bytes: Scenario = {
  name: "bytes",
  about: ({ members }) =>
    `one room of ${members} members, ${IN_FLIGHT} messages ${PAYLOAD} in flight at a time: bytes received over a member's socket for each message, including frame headers`,
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
        ...(late === 0 ? [] : [`${late.toLocaleString("en")} deliveries more or fewer than were published`]),
        ...(load.refusals === 0 ? [] : [`${load.refusals} messages were rejected`]),
      ],
    };
  }),
};

/** Members of one room that keep identical messages in flight, which can only be counted. */
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
    await delay(500); // by then the announcements of the joins have arrived
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

  /** Stops publishing. Resolves with how many deliveries are missing (or too many) after the timeout. */
  async end(): Promise<number> {
    this.#isOver = true;
    const deadline = Date.now() + DRAIN_TIMEOUT_MS;
    while (this.#late > 0 && Date.now() < deadline) await delay(20);
    await delay(100); // acks that follow the last deliveries are part of their size
    return this.#late;
  }

  get #late(): number {
    return this.#published * this.#members.length - this.#delivered;
  }

  #goOn(): void {
    while (!this.#isOver && this.#late <= (IN_FLIGHT - 1) * this.#members.length) {
      this.#members[this.#published++ % this.#members.length]?.publish(PAYLOAD);
    }
  }
}

const PAYLOAD_BYTES = Buffer.from(PAYLOAD);

function occurrences(text: Buffer, start: number, end: number): number {
  let count = 0;
  for (let at = start; at <= end - PAYLOAD_BYTES.length; at++) {
    if (text[at] !== PAYLOAD_BYTES[0] || text[at + 2] !== PAYLOAD_BYTES[2]) continue;
    if (PAYLOAD_BYTES.compare(text, at, at + PAYLOAD_BYTES.length) === 0) count++;
  }
  return count;
}
