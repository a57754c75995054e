import { ParlorError, type Published, type RoomMessage, type Welcomed } from "../../client/index.ts";
import { parsePosition } from "../../protocol/positions.ts";
import { ChatLog, type ChatData } from "./chat-log.ts";
import { Chat } from "./chat.ts";
import { wireComposer } from "./composer.ts";
import { byId } from "./dom.ts";
import { drawKey } from "./identity.ts";
import type { Store } from "./store.ts";
import { Typing } from "./typing.ts";
import type { View } from "./view.ts";

/** The part of a visit that a conversation needs. */
export interface Speaker {
  publish(event: string, data: unknown): Promise<Published>;
  send(event: string, data: unknown, key: string): void;
}

/** Shows a message at once, publishes it, and adds a tick when the room has stored it. */
export class Conversation {
  readonly #store: Store<View>;
  readonly #speaker: Speaker;
  readonly #log = new ChatLog();
  readonly #chat = new Chat(this.#log, (id) => this.#retry(id));
  readonly #typing: Typing;
  /** Messages of this page that the room has not delivered yet. */
  readonly #drafts = new Map<string, ChatData>();
  /** The end of the log at the join. Messages up to it do not count as unread. */
  #pastEnd = 0;
  #readTo = -1;
  #isUpdating = false;

  constructor(store: Store<View>, speaker: Speaker) {
    this.#store = store;
    this.#speaker = speaker;
    this.#typing = new Typing(
      () => speaker.send("typing", null, "typing"),
      (id) => store.state.people.find((person) => person.id === id)?.name,
    );
    wireComposer(
      (text) => this.#draft(text),
      () => this.#typing.typed(performance.now()),
    );
  }

  /** Begins with the first welcome. The messages up to its `head` are from before the join. */
  begin({ position, head }: Welcomed): void {
    this.#readTo = parsePosition(position)?.offset ?? 0;
    this.#pastEnd = parsePosition(head)?.offset ?? 0;
    this.#update();
  }

  /** Handles a recorded message. Events other than `chat` only move the position. */
  receive(message: RoomMessage & { readonly offset: number }): void {
    this.#readTo = message.offset;
    this.#update();
    if (message.event !== "chat") return;
    this.#typing.stopped(message.from);
    const entry = this.#log.add(message);
    if (entry === undefined) return;
    this.#drafts.delete(entry.id);
    const isNews = message.offset > this.#pastEnd && message.from !== this.#store.state.self;
    if (isNews) queueMicrotask(() => this.#chat.arrived());
  }

  /** Handles a member's typing indicator. */
  receiveTyping(id: string): void {
    this.#typing.received(id);
  }

  note(text: string): void {
    this.#log.note(text);
    this.#update();
  }

  #draft(text: string): void {
    const { profile, self = "" } = this.#store.state;
    const data: ChatData = { id: drawKey(), text, ...profile };
    this.#log.draft(data, self);
    this.#drafts.set(data.id, data);
    this.#typing.sent();
    this.#update();
    queueMicrotask(() => this.#chat.toEnd());
    void this.#send(data);
  }

  #retry(id: string): void {
    const data = this.#drafts.get(id);
    if (data === undefined) return;
    this.#log.settle(id, { state: "sending" });
    this.#update();
    void this.#send(data);
  }

  async #send(data: ChatData): Promise<void> {
    try {
      const { offset } = await this.#speaker.publish("chat", data);
      this.#log.settle(data.id, { state: "stored", offset });
    } catch (error) {
      this.#log.settle(data.id, { state: "failed", why: whyOf(error) });
    }
    this.#update();
  }

  /** Updates the page once for all messages that arrive together. */
  #update(): void {
    if (this.#isUpdating) return;
    this.#isUpdating = true;
    queueMicrotask(() => {
      this.#isUpdating = false;
      this.#chat.update(this.#store.state);
      // Screen readers do not read messages from before the join.
      byId("chat-scroll", HTMLElement).setAttribute("aria-busy", String(this.#readTo < this.#pastEnd));
    });
  }
}

function whyOf(error: unknown): string {
  if (!(error instanceof ParlorError)) return "this page has an unexpected error";
  return REASONS.get(error.code) ?? error.message;
}

/** Errors that this page explains in its own words. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ["replaced", "this window is no longer in the room"],
  ["frame_too_large", "the message is too long"],
  ["outbox_full", "too many messages are waiting to be sent"],
]);
