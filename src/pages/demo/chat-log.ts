import type { Json } from "../../protocol/json.ts";
import { readProfileFrom, type Profile } from "./identity.ts";

/** The longest text that the page sends, in UTF-16 units. */
export const MAX_TEXT_CHARS = 2_000;

/** The data of a `chat` message. By its id the sender recognises the message when the room delivers it. */
export interface ChatData extends Profile {
  readonly id: string;
  readonly text: string;
}

/** The delivery state of a message. */
export type Delivery =
  | { readonly state: "sending" }
  | { readonly state: "stored"; readonly offset: number }
  | { readonly state: "failed"; readonly why: string };

/** One message of the conversation. */
export interface ChatEntry {
  readonly kind: "message";
  readonly id: string;
  /** The member's id. */
  readonly from: string;
  /** What the author called itself when it wrote this; unknown for other clients' messages. */
  readonly author: Partial<Profile>;
  readonly text: string;
  /** Unix milliseconds of the server's clock, once it is known. */
  readonly time?: number;
  readonly delivery: Delivery;
}

/** A line between messages about the connection, such as a reconnect. */
export interface ChatNote {
  readonly kind: "note";
  readonly id: string;
  readonly text: string;
}

/** A message as the room delivers it. */
interface DeliveredMessage {
  readonly offset?: number;
  readonly time: number;
  readonly from: string;
  readonly data: Json;
}

/** The messages in the room's order, followed by those that are not stored yet. Does not touch the page. */
export class ChatLog {
  readonly #delivered: (ChatEntry | ChatNote)[] = [];
  readonly #known = new Set<string>();
  readonly #drafts = new Map<string, ChatEntry>();
  #notes = 0;

  /** All entries, the oldest first. */
  get entries(): readonly (ChatEntry | ChatNote)[] {
    return [...this.#delivered, ...this.#drafts.values()];
  }

  /**
   * Adds a recorded message of the room. Returns `undefined` if it is not a text, or if it is in the log already: a
   * draft that was sent again over another connection may have been stored the first time.
   */
  add(message: DeliveredMessage): ChatEntry | undefined {
    const { offset, time, from } = message;
    const chat = readChat(message.data);
    if (offset === undefined || chat === undefined) return undefined;
    // Each sender chooses its ids, so they are unique only together with the sender.
    const uniqueId = `${from} ${chat.id ?? offset}`;
    if (this.#known.has(uniqueId)) return undefined;
    this.#known.add(uniqueId);
    const id = chat.id !== undefined && this.#drafts.delete(chat.id) ? chat.id : uniqueId;
    const entry: ChatEntry = {
      kind: "message",
      id,
      from,
      author: chat.author,
      text: chat.text,
      time,
      delivery: { state: "stored", offset },
    };
    this.#delivered.push(entry);
    return entry;
  }

  /**
   * Adds a message that is about to be sent.
   *
   * @param from this member, or empty before it has joined
   */
  draft({ id, text, name, colour }: ChatData, from: string): void {
    const author = { name, colour };
    this.#drafts.set(id, { kind: "message", id, from, author, text, delivery: { state: "sending" } });
  }

  /** Sets the delivery state of a draft. Does nothing if the room has delivered the message already. */
  settle(id: string, delivery: Delivery): void {
    const draft = this.#drafts.get(id);
    if (draft !== undefined) this.#drafts.set(id, { ...draft, delivery });
  }

  note(text: string): void {
    this.#notes += 1;
    this.#delivered.push({ kind: "note", id: `note-${this.#notes}`, text });
  }
}

/** Whether two entries are shown as one group: the same author, within five minutes. */
export function continues(entry: ChatEntry | ChatNote, before: ChatEntry | ChatNote | undefined): boolean {
  if (entry.kind === "note" || before === undefined || before.kind === "note") return false;
  if (entry.from !== before.from || entry.author.name !== before.author.name) return false;
  if (entry.time === undefined || before.time === undefined) return true;
  return entry.time - before.time < GROUP_MS;
}

const GROUP_MS = 5 * 60_000;

/** Reads a message of this page, or of a client that published a string, as the examples in README do. */
function readChat(data: Json): { id?: string; text: string; author: Partial<Profile> } | undefined {
  if (typeof data === "string") return { text: data, author: {} };
  if (typeof data !== "object" || data === null || Array.isArray(data)) return undefined;
  const { id, text } = data as { readonly id?: Json; readonly text?: Json };
  if (typeof text !== "string") return undefined;
  return { ...(typeof id === "string" && { id }), text, author: readProfileFrom(data) };
}
