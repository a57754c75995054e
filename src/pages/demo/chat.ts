import type { ChatEntry, ChatLog, ChatNote } from "./chat-log.ts";
import { MessageList } from "./message-list.ts";
import { byId, setText } from "./dom.ts";
import type { View } from "./view.ts";
import { countOf, KEEPING_WORDS } from "./words.ts";

/** A list that is scrolled this close to its end counts as read to the end, in pixels. */
const NEAR_END_PX = 60;

/** Narrower than this the chat is a sheet; styles/phone.css has the same number. */
const PHONE = "(width < 760px)";

/**
 * The panel of the chat: the messages, the number of unread ones, and on a phone the sheet that contains them.
 */
export class Chat {
  readonly #log: ChatLog;
  readonly #list: MessageList;
  readonly #panel = byId("chat", HTMLElement);
  readonly #scroll = byId("chat-scroll", HTMLElement);
  readonly #toNewest = byId("to-newest", HTMLButtonElement);
  readonly #toggle = byId("chat-toggle", HTMLButtonElement);
  readonly #phone = matchMedia(PHONE);
  readonly #title = document.title;
  #unseen = 0;

  /** @param retry sends a failed message once more */
  constructor(log: ChatLog, retry: (id: string) => void) {
    this.#log = log;
    this.#list = new MessageList(byId("messages", HTMLOListElement), retry);
    this.#toggle.addEventListener("click", () => this.#open(!this.#isOpen));
    this.#panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#phone.matches) this.#open(false);
    });
    this.#toNewest.addEventListener("click", () => this.#scrollToEnd());
    this.#scroll.addEventListener("scroll", () => {
      if (this.#isAtEnd && this.#isSeen) this.#seen();
    });
    document.addEventListener("visibilitychange", () => {
      if (this.#isAtEnd && this.#isSeen) this.#seen();
    });
    // Keeps the end of the list visible when something beside it grows, such as a phone's keyboard.
    let wasAtEnd = true;
    this.#scroll.addEventListener("scroll", () => {
      wasAtEnd = this.#isAtEnd;
    });
    new ResizeObserver(() => {
      if (wasAtEnd) this.#scrollToEnd();
    }).observe(this.#scroll);
  }

  /** Shows the current entries of the log. */
  update({ self, history }: Pick<View, "self" | "history">): void {
    const stays = this.#isAtEnd;
    const { entries } = this.#log;
    byId("chat-empty", HTMLElement).hidden = entries.length > 0;
    setText(byId("chat-keeping", HTMLElement), history === undefined ? "" : KEEPING_WORDS[history].chat);
    this.#list.show(entries, { selfId: self, history });
    if (stays) this.#scrollToEnd();
    this.#preview(entries);
  }

  /** Counts a message of another member as unread, unless it is visible. */
  arrived(): void {
    if (this.#isSeen && this.#isAtEnd) return;
    this.#unseen += 1;
    this.#showUnseen();
  }

  /** Scrolls to the newest message, for example after the user has sent one. */
  toEnd(): void {
    this.#scrollToEnd();
  }

  get #isOpen(): boolean {
    return "open" in this.#panel.dataset;
  }

  get #isSeen(): boolean {
    return document.visibilityState === "visible" && (this.#isOpen || !this.#phone.matches);
  }

  get #isAtEnd(): boolean {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroll;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  #open(isOpen: boolean): void {
    this.#panel.toggleAttribute("data-open", isOpen);
    this.#toggle.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) this.#scrollToEnd();
    else this.#toggle.focus();
  }

  #scrollToEnd(): void {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    if (this.#isSeen) this.#seen();
  }

  #seen(): void {
    this.#unseen = 0;
    this.#showUnseen();
  }

  #showUnseen(): void {
    const badge = byId("chat-unseen", HTMLElement);
    badge.hidden = this.#unseen === 0;
    setText(badge, this.#unseen > 99 ? "99+" : String(this.#unseen));
    badge.setAttribute("aria-label", `${this.#unseen} unread`);
    this.#toNewest.hidden = this.#unseen === 0;
    setText(this.#toNewest, `${countOf(this.#unseen, "new message")} ↓`);
    document.title = this.#unseen === 0 ? this.#title : `(${this.#unseen}) ${this.#title}`;
  }

  #preview(entries: readonly (ChatEntry | ChatNote)[]): void {
    const last = entries.findLast((entry) => entry.kind === "message");
    setText(byId("chat-preview", HTMLElement), last === undefined ? "No messages yet" : last.text);
  }
}
