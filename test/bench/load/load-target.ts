import type { Contender } from "../contenders/contender.ts";
import { usageOf, type Usage } from "../measure/usage.ts";
import { uniqueRoom } from "../../support/rooms.ts";
import { Member, type MemberOptions } from "./member.ts";

/** A running server. */
interface RunningServer {
  readonly url: string;
  pids(): number[];
}

/** A running server, and all members that have joined it. */
export class LoadTarget {
  readonly contender: Contender;
  readonly #server: RunningServer;
  readonly #rooms: string[] = [];
  readonly #members = new Set<Member>();
  #isOver = false;

  constructor(contender: Contender, server: RunningServer) {
    this.contender = contender;
    this.#server = server;
  }

  /** The name of a room. */
  room(index: number): string {
    return (this.#rooms[index] ??= uniqueRoom("bench"));
  }

  /** Joins a room by its number. */
  join(room: number, options: Pick<MemberOptions, "read" | "onEnd" | "who" | "learns">): Member {
    const member = new Member({
      port: Number(new URL(this.#server.url).port),
      dialect: this.contender.dialect,
      room: this.room(room),
      ...options,
    });
    this.#members.add(member);
    return member;
  }

  /** What the server has used; `undefined` if it cannot be read. */
  usage(): Usage | undefined {
    return usageOf(this.#server.pids());
  }

  /** Whether the run has ended, so that nobody may join. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Drops all members and ends the run. */
  end(): void {
    this.#isOver = true;
    this.clear();
  }

  /** Drops all members. */
  clear(): void {
    for (const member of this.#members) member.drop();
    this.#members.clear();
  }
}
