import { expect } from "vitest";
import type { MessageFrame } from "../../../src/protocol/frames.ts";
import type { Json } from "../../../src/protocol/json.ts";
import { isFor } from "../../../src/protocol/messages.ts";
import type { Act } from "../../support/member.ts";
import { pass, Reader, WINDOW } from "./reader.ts";
import { crash, request, roomPath, rowsOf, uniqueRoom } from "./rooms.ts";
import { joinSse, type SseMember } from "./sse.ts";
import { viewerOf } from "../../support/viewer.ts";

/** A room with one member that publishes, and one that reads as slowly as the test requires. */
export class SlowReaderScenario {
  readonly room = uniqueRoom("chat");
  /** The earlier connections of the reader. */
  readonly #given: Reader[] = [];
  #speaker: SseMember | undefined;
  #reader: Reader | undefined;
  #ref = 0;
  /** The number of texts of the reader's present connection that were checked. */
  #judged = 0;

  get speaker(): SseMember {
    return this.#speaker as SseMember;
  }

  get reader(): Reader {
    return this.#reader as Reader;
  }

  static async begin(): Promise<SlowReaderScenario> {
    const scenario = new SlowReaderScenario();
    scenario.#speaker = await joinSse(scenario.room);
    scenario.#reader = await Reader.join(scenario.room);
    return scenario;
  }

  async publish(chars: number, to?: readonly string[]): Promise<void> {
    const act = { type: "publish", event: "e", data: "x".repeat(chars), ...(to && { to: [...to] }) };
    await this.#act(act);
  }

  async sendVolatile(chars: number): Promise<void> {
    await this.speaker.post({ type: "publish", event: "v", data: "x".repeat(chars), volatile: true });
  }

  /** Changes the presence data of the publisher. The reader may miss it. */
  async changePresence(): Promise<void> {
    await this.#act({ type: "presence", data: this.#ref });
  }

  /** Reads a part of what is unread: 0 is nothing, 1 is everything. */
  async read(share: number): Promise<void> {
    const { sent, seen = 0 } = await this.reader.settled();
    await this.reader.report(seen + Math.floor((sent - seen) * share));
  }

  async crash(): Promise<void> {
    await this.judge();
    const { speaker, reader } = this;
    await crash();
    await Promise.all([speaker.ended, reader.member.closed]);
    this.#given.push(reader);
    this.#judged = 0;
    this.#speaker = await joinSse(this.room, { key: speaker.key, lastEventId: speaker.stream.lastEventId });
    this.#reader = await reader.rejoin();
    if (!(await this.reader.member.welcome()).recovered)
      throw new Error("its position was not continued from");
  }

  /**
   * Checks that everything received since the last call was within the window. No frame here is as large as the window.
   */
  async judge(): Promise<void> {
    const { seen = 0 } = await this.reader.settled();
    const lengths = this.reader.lengths;
    let unread = lengths.slice(0, this.#judged).reduce((sum, length) => sum + length, -seen);
    for (const length of lengths.slice(this.#judged)) {
      unread += length;
      if (unread > WINDOW) throw new Error(`${unread} characters wait to be read, the window is ${WINDOW}`);
    }
    this.#judged = lengths.length;
  }

  async #act(act: Act): Promise<void> {
    const answer = await this.speaker.act(act, ++this.#ref);
    if (answer.type !== "ack") throw new Error(`it was refused: ${answer.message}`);
  }

  /** Every message that the reader has received over all its connections. */
  get received(): MessageFrame[] {
    return [...this.#given, this.reader].flatMap(({ inbox }) => inbox.messages);
  }

  /** The members according to the frames of the reader's present connection. */
  knownMembers(): Map<string, Json | undefined> {
    const here = new Map<string, Json | undefined>();
    for (const frame of this.reader.inbox.all) {
      if (frame.type !== "welcome" && frame.type !== "presence") continue;
      if (frame.members !== undefined) here.clear();
      for (const { id, data } of frame.members ?? []) here.set(id, data);
      if (frame.type === "welcome") continue;
      for (const { id, data } of [...(frame.joined ?? []), ...(frame.updated ?? [])]) here.set(id, data);
      for (const { id } of frame.left ?? []) here.delete(id);
    }
    return here;
  }
}

/** Expects that the reader, once it has read everything, has every message for it once, and knows the members. */
export async function expectWhole(scenario: SlowReaderScenario): Promise<void> {
  for (let turns = 0; (await scenario.reader.settled()).behind !== undefined && turns < 1_000; turns++) {
    pass(100);
    await scenario.read(1);
    await scenario.judge();
  }
  const { member } = scenario.reader.member;
  const stored = (await rowsOf(scenario.room)).flatMap(({ body }) => JSON.parse(body) as MessageFrame[]);
  expect(scenario.received).toEqual(stored.filter((message) => isFor(message, viewerOf(member))));
  const response = await request(roomPath(scenario.room, "/members"));
  const { members } = await response.json<{ members: { id: string; data?: Json }[] }>();
  expect(scenario.knownMembers()).toEqual(new Map(members.map(({ id, data }) => [id, data])));
}
