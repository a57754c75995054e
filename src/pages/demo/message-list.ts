import type { HistoryMode } from "../../protocol/contract.ts";
import { continues, type ChatEntry, type ChatNote } from "./chat-log.ts";
import { icon, make } from "./dom.ts";
import { colourOf } from "./names.ts";
import { nameOf } from "./people.ts";
import { showAvatar } from "./presence.ts";
import { KEEPING_WORDS } from "./words.ts";

/** The member that reads the list, and the history of the room. */
interface Reader {
  readonly selfId: string | undefined;
  readonly history: HistoryMode | undefined;
}

interface Item {
  readonly element: HTMLLIElement;
  /** The entry that the element shows. */
  entry: ChatEntry | ChatNote;
}

/** The list of messages. It keeps the element of an unchanged entry, so that a screen reader reads it only once. */
export class MessageList {
  readonly #list: HTMLOListElement;
  readonly #retry: (id: string) => void;
  readonly #items = new Map<string, Item>();

  constructor(list: HTMLOListElement, retry: (id: string) => void) {
    this.#list = list;
    this.#retry = retry;
  }

  /** Shows these entries in this order. */
  show(entries: readonly (ChatEntry | ChatNote)[], reader: Reader): void {
    let before: ChatEntry | ChatNote | undefined;
    for (const [index, entry] of entries.entries()) {
      const element = this.#elementOf(entry, reader);
      element.toggleAttribute("data-continued", continues(entry, before));
      if (this.#list.children[index] !== element)
        this.#list.insertBefore(element, this.#list.children[index] ?? null);
      before = entry;
    }
    while (this.#list.children.length > entries.length) this.#list.lastElementChild?.remove();
  }

  #elementOf(entry: ChatEntry | ChatNote, reader: Reader): HTMLLIElement {
    const known = this.#items.get(entry.id);
    if (known?.entry === entry) return known.element;
    const element = known?.element ?? make("li");
    if (entry.kind === "note") fillNote(element, entry);
    else this.#fill(element, entry, reader);
    this.#items.set(entry.id, { element, entry });
    return element;
  }

  #fill(element: HTMLLIElement, entry: ChatEntry, { selfId, history = "durable" }: Reader): void {
    const isOwn = entry.from === "" || entry.from === selfId;
    const name = entry.author.name ?? nameOf(entry.from);
    const colour = entry.author.colour ?? colourOf(entry.from);
    element.className = isOwn ? "message own" : "message";
    element.dataset["colour"] = colour;
    element.dataset["delivery"] = entry.delivery.state;

    const avatar = make("span", { class: "avatar", "aria-hidden": "true" });
    showAvatar(avatar, { name, colour });
    const head = make(
      "p",
      { class: "message-head" },
      make("span", { class: "author" }, isOwn ? "You" : name),
    );
    if (entry.time !== undefined) head.append(timeElement(entry.time));
    const bubble = make("p", { class: "bubble" }, entry.text);
    if (isOwn) bubble.append(tick(entry, history));
    element.replaceChildren(avatar, head, bubble);
    if (entry.delivery.state === "failed") element.append(this.#fate(entry.id, entry.delivery.why));
  }

  #fate(id: string, why: string): HTMLElement {
    const again = make("button", { type: "button" }, "Retry");
    again.addEventListener("click", () => this.#retry(id));
    return make("p", { class: "fate" }, `Not sent: ${why}.`, again);
  }
}

function fillNote(element: HTMLLIElement, { text }: ChatNote): void {
  element.className = "note";
  element.replaceChildren(make("span", {}, text));
}

/** Shows the state of an own message: a clock while it is pending, a tick once the room has accepted it. */
function tick({ delivery }: ChatEntry, history: HistoryMode): HTMLElement {
  const words = { sending: "Pending", stored: KEEPING_WORDS[history].tick, failed: "Not sent" }[
    delivery.state
  ];
  const title = delivery.state === "stored" ? `${words} with offset ${delivery.offset}` : words;
  const sign = icon({ sending: "wait", stored: "tick", failed: "close" }[delivery.state]);
  return make("span", { class: "tick", title }, sign, make("span", { class: "sr-only" }, words));
}

function timeElement(time: number): HTMLElement {
  const date = new Date(time);
  const isToday = date.toDateString() === new Date().toDateString();
  const text = (isToday ? HOUR : DAY_AND_HOUR).format(date);
  return make("time", { datetime: date.toISOString(), title: FULL.format(date) }, text);
}

const HOUR = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const DAY_AND_HOUR = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
