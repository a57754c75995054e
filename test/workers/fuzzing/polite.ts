import { expect } from "vitest";
import type { Member } from "../../support/member.ts";
import { serveKinds } from "../support/kinds.ts";
import { post } from "../support/sse.ts";
import type { WebSocketMember } from "../support/websocket.ts";

/** Two members who only want to talk, one over each transport. */
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

  /** Each says the next thing. */
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

  /** The answers to all they have said. */
  answers(): Promise<unknown[]> {
    return Promise.all(this.#published);
  }
}

/** Fails where one of the two has not heard all of both, once and in order, or not the same as the other. */
export async function expectUnmoved(polite: Polite): Promise<void> {
  const { ana, bob } = polite;
  const acks = (await polite.answers()) as { type: string; offset: number }[];
  expect(acks.map(({ type }) => type)).toEqual(acks.map(() => "ack"));
  const last = Math.max(...acks.map(({ offset }) => offset));
  for (const { inbox } of [ana, bob]) {
    await inbox.until(({ messages }) => (messages.at(-1)?.offset ?? 0) >= last);
  }
  const [heard, others] = [ana, bob].map(({ inbox }) => inbox.messages.filter(({ to }) => to === undefined));
  expect(JSON.stringify(others)).toBe(JSON.stringify(heard));
  for (const { member } of [ana, bob]) {
    const own = heard?.filter(({ from, event }) => from === member && event === "polite");
    expect(own?.map(({ data }) => data)).toEqual(
      Array.from({ length: acks.length / 2 }, (_, index) => index),
    );
  }
  const offsets = heard?.map(({ offset }) => offset ?? 0) ?? [];
  expect(offsets).toEqual([...new Set(offsets)].toSorted((a, b) => a - b));
}
