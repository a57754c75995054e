import type { ServerFrame } from "../../../src/protocol/frames.ts";
import type { Act, Member } from "../../support/member.ts";
import { serveKinds } from "../support/kinds.ts";
import { request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { joinSse, openEvents, post, type SseJoin } from "../support/sse.ts";
import { bearer, token } from "../support/tokens.ts";
import { join, joinWebSocket, type WebSocketMember } from "../support/websocket.ts";
import { EVERYTHING, HOLDERS } from "./table.ts";

export type Transport = "WebSocket" | "SSE";

/** How one comes by what one holds: with a token that says so, or without one where the kind of rooms allows it. */
export type Credential = "a token" | "no token";

const to = serveKinds;

/** A token of a user who is neither the host nor a guest. */
export function tokenFor(held: readonly string[], options: { readonly exp?: number } = {}): Promise<string> {
  return token({ user: "sue", rooms: { "*": held }, ...options });
}

/** A room with a host in it, who may do everything and is told everything, and a client that may not. */
export class TestRoom {
  readonly name: string;
  readonly host: WebSocketMember;
  /** The headers of that client. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where the host stood before anything was said. */
  readonly start: string;
  #heard: number;
  #head = 0;
  #lastRef = 0;

  private constructor(room: string, host: WebSocketMember, headers: Readonly<Record<string, string>>) {
    this.name = room;
    this.host = host;
    this.headers = headers;
    this.start = host.position;
    this.#heard = host.inbox.all.length;
  }

  static async create(held: readonly string[], credential: Credential): Promise<TestRoom> {
    const isOpen = credential === "no token";
    const room = uniqueRoom(isOpen ? `may-${HOLDERS.indexOf(held)}` : "closed-roomy");
    const host = await this.#withEverything(room, "host");
    return new TestRoom(room, host, isOpen ? {} : bearer(await tokenFor(held)));
  }

  static async #withEverything(room: string, user: string): Promise<WebSocketMember> {
    return join(room, { to, headers: bearer(await token({ user, rooms: { "*": EVERYTHING } })) });
  }

  /** Someone else who may do everything. */
  guest(): Promise<WebSocketMember> {
    return TestRoom.#withEverything(this.name, "guest");
  }

  /** Tries to join, and stays if it is accepted. */
  tryToJoin(transport: Transport, options: SseJoin = {}): Promise<Member> {
    const all = { to, headers: this.headers, ...options };
    return transport === "WebSocket" ? joinWebSocket(this.name, all) : openEvents(this.name, all);
  }

  /** Joins. */
  join(transport: Transport, options: SseJoin = {}): Promise<Member> {
    const all = { to, headers: this.headers, ...options };
    return transport === "WebSocket" ? join(this.name, all) : joinSse(this.name, all);
  }

  get(part = ""): Promise<Response> {
    return request(roomPath(this.name, part), { headers: this.headers }, to);
  }

  /** Acts over a socket; resolves with the answer's type, or the code of an error. */
  async act(as: WebSocketMember, act: Act): Promise<string> {
    if (takesRef(act)) {
      const ref = ++this.#lastRef;
      as.send({ ...act, ref });
      return wordFor(await as.inbox.take(["ack", "error", "history"], (frame) => frame.ref === ref));
    }
    // What has no ref is not acked: what comes before the answer to something that follows it is its own.
    const ref = ++this.#lastRef;
    const before = as.inbox.all.length;
    as.send([act, { type: "nonsense", ref }]);
    await as.inbox.take("error", (frame) => frame.ref === ref);
    const own = as.inbox.all.slice(before).find((frame) => frame.type === "error" && frame.ref === undefined);
    return own === undefined ? "ack" : wordFor(own);
  }

  /** Acts by POST; resolves with the answer's type, or the code of an error. */
  async post(as: Member, act: Act, headers = this.headers): Promise<string> {
    const named = takesRef(act) ? { ...act, ref: ++this.#lastRef } : act;
    const { body } = await post(this.name, as, named, headers, to);
    return wordFor(body as ServerFrame);
  }

  /** Gives that client another token, over its socket; resolves with the answer's type, or the code of an error. */
  async renew(as: WebSocketMember, held: readonly string[]): Promise<string> {
    return this.act(as, { type: "auth", token: await tokenFor(held) });
  }

  /** What everyone else has heard since this was last asked, and how much of it was stored. */
  async observedByHost(): Promise<{ frames: ServerFrame[]; stored: number }> {
    const ack = await this.host.publish("fence", null);
    if (ack.type !== "ack" || ack.offset === undefined) throw new Error("the host may not speak");
    await this.host.inbox.until(({ messages }) => messages.at(-1)?.offset === ack.offset);
    const stored = ack.offset - this.#head - 1;
    this.#head = ack.offset;
    const frames = this.host.inbox.all
      .slice(this.#heard)
      .filter((frame) => frame.type !== "ack" && !isFence(frame));
    this.#heard = this.host.inbox.all.length;
    return { frames, stored };
  }

  /** Resolves with what a member was sent while something happened. */
  async observedBy(member: Member, happens: () => Promise<unknown>): Promise<ServerFrame[]> {
    const before = member.inbox.all.length;
    await happens();
    await this.observedByHost();
    const fence = this.#head;
    await member.inbox.until(({ messages }) => messages.some(({ offset }) => offset === fence));
    return member.inbox.all.slice(before).filter((frame) => !isFence(frame));
  }
}

function isFence(frame: ServerFrame): boolean {
  return frame.type === "message" && frame.event === "fence";
}

/** What the server takes a ref with, and therefore answers over a socket. */
function takesRef({ type, volatile: isVolatile }: Act): boolean {
  return isVolatile !== true && type !== "seen";
}

function wordFor(frame: ServerFrame): string {
  return frame.type === "error" ? frame.code : frame.type;
}
