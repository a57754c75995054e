import type { Member } from "../support/member.ts";
import { joinSse, type SseJoinOptions, type SseMember } from "../support/sse-member.ts";
import {
  joinWebSocket,
  type WebSocketJoinOptions,
  type WebSocketMember,
} from "../support/websocket-member.ts";

/** A deployed Parlor, the room of this run, and the members of the current check. */
export class Target {
  readonly url: string;
  readonly room: string;
  readonly #wsUrl: string;
  #members: Member[] = [];

  constructor(url: string, room: string) {
    this.url = url;
    this.room = room;
    this.#wsUrl = url.replace(/^http/, "ws");
  }

  /** Joins over WebSocket. */
  async webSocket(options: WebSocketJoinOptions = {}, room = this.room): Promise<WebSocketMember> {
    return this.#keep(await joinWebSocket({ wsUrl: this.#wsUrl }, room, options));
  }

  /** Joins over SSE. */
  async sse(options: SseJoinOptions = {}): Promise<SseMember> {
    return this.#keep(await joinSse({ url: this.url }, this.room, options));
  }

  /** Drops every member that is still connected. */
  async dropAll(): Promise<void> {
    for (const member of this.#members) member.vanish();
    await Promise.all(this.#members.map(({ closed }) => closed));
    this.#members = [];
  }

  #keep<Kept extends Member>(member: Kept): Kept {
    this.#members.push(member);
    return member;
  }
}
