import { joinRoom, type Room } from "../../src/client/index.ts";
import { check, type Violation } from "../checker/check.ts";
import { Record } from "../checker/record.ts";
import type { ClientPage } from "./client-page.ts";

/** The usual interval of each member's messages, in milliseconds. */
const EVERY_MS = 100;

/** The name of the client in Node. */
const PARTNER = "partner";

/** What went wrong in a conversation. */
export interface Outcome {
  /** What the checker found. */
  readonly violations: readonly Violation[];
  /** The members that received the messages of another member in another order than that member sent them in. */
  readonly disordered: readonly string[];
  /** The acts that were rejected. */
  readonly rejected: readonly string[];
  /** The members that were reported as gone. */
  readonly gone: readonly string[];
}

/** The outcome of a conversation in which nothing went wrong. */
export const FLAWLESS: Outcome = { violations: [], disordered: [], rejected: [], gone: [] };

/**
 * Pages and a client in Node that publish numbered messages to one room, all the time. The client in Node is connected
 * directly to the server.
 */
export class Conversation implements AsyncDisposable {
  readonly #partner: Room;
  readonly #pages: readonly (readonly [name: string, page: ClientPage])[];
  readonly #record = new Record();
  readonly #seen = new Map<string, string[]>();
  readonly #gone = new Set<string>();
  readonly #acks: Promise<void>[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sent = 0;

  private constructor(address: string, pages: Readonly<{ [name: string]: ClientPage }>) {
    this.#pages = Object.entries(pages);
    this.#partner = joinRoom(address, { minReconnectDelayMs: 100, maxReconnectDelayMs: 500 });
    this.#partner.on("welcome", ({ position, recovered }) => {
      const [epoch = "", offset] = position.split(":");
      const isRecovered = recovered === true;
      this.#record.observed(PARTNER, { what: "joined", epoch, offset: Number(offset), isRecovered });
    });
    this.#partner.on("message", ({ offset, data }) => {
      if (offset !== undefined) this.#saw(PARTNER, offset, (data as { readonly id: string }).id);
    });
    this.#partner.on("presence", ({ left }) => left.forEach(({ id }) => this.#gone.add(id)));
  }

  /**
   * Begins a conversation. Messages of a page that has not joined yet wait until it has.
   *
   * @param address the address of the room for the client in Node
   * @param everyMs the interval of each member's messages, in milliseconds
   */
  static async begin(
    address: string,
    pages: Readonly<{ [name: string]: ClientPage }>,
    everyMs = EVERY_MS,
  ): Promise<Conversation> {
    const conversation = new Conversation(address, pages);
    await conversation.setInterval(everyMs);
    return conversation;
  }

  /** Changes the interval of each member's messages, in milliseconds. */
  async setInterval(everyMs: number): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#say(), everyMs);
    await Promise.all(this.#pages.map(([name, page]) => page.talk(name, everyMs)));
  }

  /** Resolves once each page has received a message of the client in Node that is sent now, and that client one of each page. */
  async exchange(): Promise<void> {
    const id = this.#say();
    const hasSeen = ({ notes }: { readonly notes: readonly object[] }, sought: string): boolean =>
      notes.some((note) => "what" in note && note.what === "saw" && "id" in note && note.id === sought);
    await Promise.all(
      this.#pages.map(async ([name, page]) => {
        const sent = (await page.notes()).filter(({ what }) => what === "sent").length;
        await Promise.all([this.#received(`${name}-${sent + 1}`), page.until(hasSeen, id)]);
      }),
    );
  }

  /** Ends the conversation. Resolves once every member has received everything and every act has its outcome. */
  async end(): Promise<Outcome> {
    clearInterval(this.#timer);
    for (const [, page] of this.#pages) await page.hush();
    for (const [, page] of this.#pages) {
      await page.until(({ notes }) => {
        const count = (which: string): number => notes.filter(({ what }) => what === which).length;
        return count("sent") === count("acked") + count("rejected");
      });
    }
    await Promise.all(this.#acks);
    const last = `${PARTNER}-end`;
    this.#record.sent(PARTNER, last);
    const { offset: head } = await this.#partner.publish("chat", { id: last });
    const rejected: string[] = [];
    for (const [name, page] of this.#pages) {
      await page.until(({ room: { position } }, end) => position.endsWith(end), `:${head}`);
      const notes = await page.notes();
      for (const note of notes) if (note.what === "sent") this.#record.sent(name, note.id);
      for (const note of notes) {
        if (note.what === "acked") this.#record.acked(note.id, note.offset);
        else if (note.what === "rejected") rejected.push(`${note.id}: ${note.error}`);
        else if (note.what === "joined") this.#record.observed(name, note);
        else if (note.what === "saw") this.#saw(name, note.offset, note.id);
        else if (note.what === "went") this.#gone.add(note.id);
      }
    }
    await this.#received(last);
    return {
      violations: check(this.#record, head),
      disordered: [...this.#seen].filter(([, ids]) => !isInOrder(ids)).map(([name]) => name),
      rejected,
      gone: [...this.#gone],
    };
  }

  /** Ends the client in Node, and closes the pages. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#partner.close();
    await Promise.all(this.#pages.map(([, page]) => page.close()));
  }

  #say(): string {
    const id = `${PARTNER}-${++this.#sent}`;
    this.#record.sent(PARTNER, id);
    const acked = this.#partner.publish("chat", { id }).then(({ offset }) => this.#record.acked(id, offset));
    acked.catch(() => undefined); // If a test fails, the room is closed first. Otherwise `end` reports it.
    this.#acks.push(acked);
    return id;
  }

  #saw(name: string, offset: number, id: string): void {
    this.#record.observed(name, { what: "saw", offset, id });
    const seen = this.#seen.get(name);
    if (seen === undefined) this.#seen.set(name, [id]);
    else seen.push(id);
  }

  /** Resolves once the client in Node has received a message. */
  async #received(id: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (this.#seen.get(PARTNER)?.includes(id) === true) resolve();
    };
    const stop = this.#partner.on("message", look);
    look();
    await promise.finally(stop);
  }
}

/** Whether the numbers of each author, in ids such as `ana-7`, grow. */
function isInOrder(ids: readonly string[]): boolean {
  const last = new Map<string, number>();
  return ids.every((id) => {
    const [author = "", text] = id.split("-");
    const number = text === "end" ? Infinity : Number(text);
    const isNext = number > (last.get(author) ?? 0);
    last.set(author, number);
    return isNext;
  });
}
