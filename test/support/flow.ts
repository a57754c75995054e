import type { WebSocketMember } from "./websocket-member.ts";

/** Says what a member over WebSocket reads (rule L5), as a client that promised to. */
export class Flow {
  readonly #member: WebSocketMember;
  #texts = 0;
  #chars = 0;
  #said = 0;

  constructor(member: WebSocketMember) {
    this.#member = member;
  }

  /** Says how much it has read by now, if it has read so much since the last time. */
  say(atLeast = 0): void {
    const { texts } = this.#member.inbox;
    for (; this.#texts < texts.length; this.#texts++) {
      const text = texts[this.#texts] ?? "";
      if (text !== '{"type":"pong"}') this.#chars += text.length;
    }
    if (this.#chars - this.#said < atLeast) return;
    this.#said = this.#chars;
    this.#member.send({ type: "seen", chars: this.#chars });
  }

  /** Reads on, and says so, until it stands at an offset or beyond it. */
  async readTo(offset: number): Promise<void> {
    const { inbox } = this.#member;
    while (Number(inbox.position.split(":")[1]) < offset) {
      this.say();
      const read = this.#texts;
      await inbox.until(({ texts }) => texts.length > read);
    }
  }
}
