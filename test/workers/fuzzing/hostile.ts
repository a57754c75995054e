import { expect } from "vitest";
import { decodeClientText } from "../../../src/protocol/decode.ts";
import type { ServerFrame } from "../../../src/protocol/frames.ts";
import type { WebSocketMember } from "../support/websocket.ts";
import { INTERNALS } from "./watch.ts";

/** The error codes that PROTOCOL.md documents for frames from a client without a token in a public room. */
const CODES = [
  ...["bad_frame", "unknown_type", "binary_frame", "frame_too_large", "too_many_items"],
  ...["presence_too_large", "unknown_member", "conflict", "not_owner", "state_full", "stale_ref"],
  ...["rate_limited", "forbidden", "token_invalid", "not_joined"],
];

/** The documented close codes: the member left, reads too slowly, or exceeded the limit of refusals. */
const CLOSES = [4003, 4505, 4507];

/** The largest frame that these rooms accept. */
const MAX_FRAME_BYTES = 65_536;

/** A hostile member, with the replies that it should receive: how many times it sent each ref in a readable frame. */
export class Hostile {
  readonly member: WebSocketMember;
  readonly owed = new Map<number, number>();
  /** The code it was closed with; `undefined` while it is connected. */
  close: number | undefined;

  constructor(member: WebSocketMember) {
    this.member = member;
    void member.closed.then(({ code }) => (this.close = code));
  }

  send(frame: string | Uint8Array): void {
    if (this.close !== undefined) return;
    const isText = typeof frame === "string";
    this.member.send(isText ? frame : Uint8Array.from(frame).buffer);
    const isRead = isText && new TextEncoder().encode(frame).length <= MAX_FRAME_BYTES;
    const decoded = isRead ? decodeClientText(frame) : undefined;
    for (const item of decoded?.ok === true ? decoded.value : []) {
      const { ref } = (item.ok ? item.value : item.error) as { ref?: number };
      if (ref !== undefined) this.owed.set(ref, (this.owed.get(ref) ?? 0) + 1);
    }
  }

  /** How many replies each ref received. */
  get answers(): ReadonlyMap<number, number> {
    const answers = new Map<number, number>();
    for (const frame of this.member.inbox.all) {
      const ref = refOf(frame);
      if (ref !== undefined) answers.set(ref, (answers.get(ref) ?? 0) + 1);
    }
    return answers;
  }

  /** Resolves when the server has handled everything this member sent, or has closed it. */
  async settle(): Promise<void> {
    this.send(`{"type":"nonsense","ref":${Number.MAX_SAFE_INTEGER}}`);
    const owed = sum(this.owed.values());
    let [read, answered, isLast] = [0, 0, false];
    await Promise.race([
      this.member.closed,
      // Waits for every reply, because a token is checked outside the order of a connection's acts.
      this.member.inbox.until(({ all }) => {
        for (const frame of all.slice(read)) {
          const ref = refOf(frame);
          if (ref !== undefined) answered++;
          if (ref === Number.MAX_SAFE_INTEGER) isLast = true;
        }
        read = all.length;
        return isLast && answered >= owed;
      }),
    ]);
  }
}

/** Fails unless each ref received as many replies as it was sent, all of them documented. */
export function expectAnswered({ member, owed, answers, close }: Hostile): void {
  for (const frame of member.inbox.all) {
    if (frame.type !== "error") continue;
    expect(CODES).toContain(frame.code);
    expect(frame.message).not.toMatch(INTERNALS);
  }
  if (close === undefined)
    expect(new Map([...answers].toSorted(byRef))).toEqual(new Map([...owed].toSorted(byRef)));
  else expect(CLOSES).toContain(close);
}

function byRef([a]: readonly [number, number], [b]: readonly [number, number]): number {
  return a - b;
}

function refOf(frame: ServerFrame): number | undefined {
  return "ref" in frame ? frame.ref : undefined;
}

function sum(counts: Iterable<number>): number {
  return [...counts].reduce((all, one) => all + one, 0);
}
