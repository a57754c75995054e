import { expect } from "vitest";
import type { Member } from "../../support/member.ts";
import { serveKinds } from "../support/kinds.ts";
import { post } from "../support/sse.ts";
import type { WebSocketMember } from "../support/websocket.ts";

/** Two members that only publish valid messages, one over each transport. */
export class Polite {
  readonly ana: WebSocketMember;
  readonly bob: Member;
  readonly #room: string;
  readonly #published: Promise<unknown>[] = [];

  constructor(room: string, ana: WebSocketMember, bob: Member) {
    this.#room = room;
    this.ana = ana;
    this.bob = bob;
  }

  /** Both publish their next message. */
  publish(): void {
    const published = { type: "publish", event: "polite", data: this.#published.length / 2 };
    const bobs = post(
      this.#room,
      this.bob,
      { ...published, ref: this.#published.length + 1 },
      {},
      serveKinds,
    );
    this.#published.push(
      this.ana.act(published),
      bobs.then(({ body }) => body),
    );
  }

  /** The replies to everything they published. */
  answers(): Promise<unknown[]> {
    return Promise.all(this.#published);
  }
}

/** Fails unless both members received all messages of both, once, in order, and the same as each other. */
export async function expectUnmoved(polite: Polite): Promise<void> {
  const { ana, bob } = polite;
  const acks = (await polite.answers()) as { type: string; offset: number }[];
  expect(acks.map(({ type }) => type)).toEqual(acks.map(() => "ack"));
  const last = Math.max(...acks.map(({ offset }) => offset));
  for (const { inbox } of [ana, bob]) {
    await inbox.until(({ messages }) => (messages.at(-1)?.offset ?? 0) >= last);
  }
  const [received, others] = [ana, bob].map(({ inbox }) =>
    inbox.messages.filter(({ to }) => to === undefined),
  );
  expect(JSON.stringify(others)).toBe(JSON.stringify(received));
  for (const { member } of [ana, bob]) {
    const own = received?.filter(({ from, event }) => from === member && event === "polite");
    expect(own?.map(({ data }) => data)).toEqual(
      Array.from({ length: acks.length / 2 }, (_, index) => index),
    );
  }
  const offsets = received?.map(({ offset }) => offset ?? 0) ?? [];
  expect(offsets).toEqual([...new Set(offsets)].toSorted((a, b) => a - b));
}
