import { deriveIdentity, randomKey } from "../../../src/protocol/ids.ts";
import type { Connection } from "./connection.ts";
import type { ActFrame } from "./act.ts";
import type { Recorded } from "./recorded.ts";

/** The members of a sequence. */
export const NAMES = ["ana", "bob", "cem"] as const;

/** A client that keeps its key, its refs and its position, as PROTOCOL.md requires. */
export class Client {
  readonly name: string;
  readonly key: string;
  readonly session: string;
  /** The member's id. */
  readonly id: string;
  /** Its newest connection, live or not. */
  connection: Connection | undefined;
  /** What it wanted recorded under each ref, so that it can be repeated unchanged. */
  readonly acts = new Map<number, { readonly frame: ActFrame; readonly recorded: Recorded }>();
  /** Refs of {@link acts} without a reply. */
  readonly unanswered = new Set<number>();
  /** The messages it has sent since its budget was last full. */
  spent = 0;
  #lastRef = 0;
  #texts = 0;

  private constructor(name: string, key: string, ids: { readonly session: string; readonly member: string }) {
    this.name = name;
    this.key = key;
    this.session = ids.session;
    this.id = ids.member;
  }

  static async of(name: string, room: string): Promise<Client> {
    const key = randomKey();
    return new Client(name, key, await deriveIdentity(room, "", key));
  }

  nextRef(): number {
    return ++this.#lastRef;
  }

  /** A text that no other client sends, and that this client has never sent before. */
  nextText(): string {
    return `${this.name} ${++this.#texts}`;
  }

  /** Forgets what it wanted recorded in a log that no longer exists. */
  forget(): void {
    this.acts.clear();
    this.unanswered.clear();
  }

  /** The position with which it reconnects. */
  get position(): string | undefined {
    return this.connection?.eventId ?? this.connection?.socket.position;
  }
}
