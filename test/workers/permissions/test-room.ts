import type { ServerFrame } from "../../../src/protocol/frames.ts";
import type { Act, Member } from "../../support/member.ts";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { joinSse, openEvents, post, type SseJoin } from "../support/sse.ts";
import { bearer, token } from "../support/tokens.ts";
import { join, joinWebSocket, type WebSocketMember } from "../support/websocket.ts";
import { EVERYTHING, HOLDERS } from "./table.ts";

export type Transport = "WebSocket" | "SSE";

/** Where a client's capabilities come from: its token, or without a token the anonymous capabilities of the room's kind. */
export type Credential = "a token" | "no token";

/** Every way to join, for `it.each`. */
export const WAYS_IN: readonly [Transport, Credential][] = [
  ["WebSocket", "a token"],
  ["SSE", "a token"],
  ["WebSocket", "no token"],
  ["SSE", "no token"],
];

/** What may happen to a member before its capabilities are checked, for `it.each`. */
export const CHANGES = ["a sleep", "a renewal", "a renewal and a sleep"] as const;

const to = serveKinds;

/** A token for a user that is neither the host nor a guest. */
export function tokenFor(held: readonly string[], options: { readonly exp?: number } = {}): Promise<string> {
  return token({ user: "sue", rooms: { "*": held }, ...options });
}

/** A room with a host, which has all capabilities and receives everything, and a client under test with fewer. */
export class TestRoom {
  readonly name: string;
  readonly host: WebSocketMember;
  /** The headers of the client under test. */
  readonly headers: Readonly<Record<string, string>>;
  /** The host's position before anything was published. */
  readonly start: string;
  #observed: number;
  #head = 0;
  #lastRef = 0;

  private constructor(room: string, host: WebSocketMember, headers: Readonly<Record<string, string>>) {
    this.name = room;
    this.host = host;
    this.headers = headers;
    this.start = host.position;
    this.#observed = host.inbox.all.length;
  }

  static async create(held: readonly string[], credential: Credential): Promise<TestRoom> {
    const isOpen = credential === "no token";
    const room = uniqueRoom(isOpen ? `may-${HOLDERS.indexOf(held)}` : "closed-roomy");
    const host = await this.#withEverything(room, "host");
    return new TestRoom(room, host, isOpen ? {} : bearer(await tokenFor(held)));
  }

  /** A room with a member to which this has happened. The member's newest token has the given capabilities. */
  static async after(
    change: (typeof CHANGES)[number],
    held: readonly string[],
  ): Promise<{ readonly room: TestRoom; readonly member: WebSocketMember }> {
    const isRenewed = change.includes("renewal");
    const room = await TestRoom.create(isRenewed ? EVERYTHING : held, "a token");
    const member = (await room.join("WebSocket")) as WebSocketMember;
    if (isRenewed) await room.renew(member, held);
    if (change.includes("sleep")) await kindsRoom(room.name).evict();
    return { room, member };
  }

  static async #withEverything(room: string, user: string): Promise<WebSocketMember> {
    return join(room, { to, headers: bearer(await token({ user, rooms: { "*": EVERYTHING } })) });
  }

  /** Another member with all capabilities. */
  guest(): Promise<WebSocketMember> {
    return TestRoom.#withEverything(this.name, "guest");
  }

  /** Tries to join as the client under test. */
  tryToJoin(transport: Transport, options: SseJoin = {}): Promise<Member> {
    const all = { to, headers: this.headers, ...options };
    return transport === "WebSocket" ? joinWebSocket(this.name, all) : openEvents(this.name, all);
  }

  /** Joins as the client under test. */
  join(transport: Transport, options: SseJoin = {}): Promise<Member> {
    const all = { to, headers: this.headers, ...options };
    return transport === "WebSocket" ? join(this.name, all) : joinSse(this.name, all);
  }

  get(part = ""): Promise<Response> {
    return request(roomPath(this.name, part), { headers: this.headers }, to);
  }

  /** Sends an act over a socket. Resolves with the type of the reply, or with the error code. */
  async act(as: WebSocketMember, act: Act): Promise<string> {
    if (takesRef(act)) {
      const ref = ++this.#lastRef;
      as.send({ ...act, ref });
      return wordFor(await as.inbox.take(["ack", "error", "history"], (frame) => frame.ref === ref));
    }
    // An act without a ref is not acked. Any error that arrives before the reply to the next act belongs to it.
    const ref = ++this.#lastRef;
    const before = as.inbox.all.length;
    as.send([act, { type: "nonsense", ref }]);
    await as.inbox.take("error", (frame) => frame.ref === ref);
    const own = as.inbox.all.slice(before).find((frame) => frame.type === "error" && frame.ref === undefined);
    return own === undefined ? "ack" : wordFor(own);
  }

  /** Sends an act by POST. Resolves with the type of the reply, or with the error code. */
  async post(as: Member, act: Act, headers = this.headers): Promise<string> {
    const named = takesRef(act) ? { ...act, ref: ++this.#lastRef } : act;
    const { body } = await post(this.name, as, named, headers, to);
    return wordFor(body as ServerFrame);
  }

  /** Renews the client's token over its socket. Resolves with the type of the reply, or with the error code. */
  async renew(as: WebSocketMember, held: readonly string[]): Promise<string> {
    return this.act(as, { type: "auth", token: await tokenFor(held) });
  }

  /** What the host has received since the last call, and how much of it was stored. */
  async observedByHost(): Promise<{ frames: ServerFrame[]; stored: number }> {
    const ack = await this.host.publish("fence", null);
    if (ack.type !== "ack" || ack.offset === undefined) throw new Error("the host may not publish");
    await this.host.inbox.until(({ messages }) => messages.at(-1)?.offset === ack.offset);
    const stored = ack.offset - this.#head - 1;
    this.#head = ack.offset;
    const frames = this.host.inbox.all
      .slice(this.#observed)
      .filter((frame) => frame.type !== "ack" && !isFence(frame));
    this.#observed = this.host.inbox.all.length;
    return { frames, stored };
  }

  /** Resolves with the frames that a member received while something happened. */
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

/** Whether the server accepts a ref with this act, and so replies over a socket. */
function takesRef({ type, volatile: isVolatile }: Act): boolean {
  return isVolatile !== true && type !== "seen";
}

function wordFor(frame: ServerFrame): string {
  return frame.type === "error" ? frame.code : frame.type;
}
