import type { WebSocketMember } from "./websocket-member.ts";

/** Reports what a member over WebSocket has read (rule L5), like a client with flow control. */
export class Flow {
  readonly #member: WebSocketMember;
  #texts = 0;
  #chars = 0;
  #reported = 0;

  constructor(member: WebSocketMember) {
    this.#member = member;
  }

  /** Reports how much the member has read, if that is at least this much since the last report. */
  say(atLeast = 0): void {
    const { texts } = this.#member.inbox;
    for (; this.#texts < texts.length; this.#texts++) {
      const text = texts[this.#texts] ?? "";
      if (text !== '{"type":"pong"}') this.#chars += text.length;
    }
    if (this.#chars - this.#reported < atLeast) return;
    this.#reported = this.#chars;
    this.#member.send({ type: "seen", chars: this.#chars });
  }

  /** Reads and reports until the member has reached an offset. */
  async readTo(offset: number): Promise<void> {
    const { inbox } = this.#member;
    while (Number(inbox.position.split(":")[1]) < offset) {
      this.say();
      const read = this.#texts;
      await inbox.until(({ texts }) => texts.length > read);
    }
  }
}
