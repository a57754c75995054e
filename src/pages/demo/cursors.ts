import { advance, appear, hasArrived, receive, type Motion, type Spot } from "./cursor-motion.ts";
import { icon, make } from "./dom.ts";
import type { Person } from "./view.ts";

/** A cursor that has not moved for this long fades, in milliseconds. */
const STILL_MS = 10_000;

/** How long an element fades before it is removed, in milliseconds. */
const FADE_MS = 500;

/** Maximum time between two frames of an animation. A longer gap means that the tab was hidden. */
const MAX_FRAME_MS = 100;

/** To the right of this share of the area, the name is shown on the left of the cursor. */
const FLIP_FROM = 0.8;

interface Shown {
  readonly element: HTMLElement;
  readonly tag: HTMLElement;
  motion: Motion;
  stillTimer: number;
}

/** Shows the others' cursors, moving smoothly from report to report. Draws only while something moves. */
export class Cursors {
  readonly #layer: HTMLElement;
  readonly #cursors = new Map<string, Shown>();
  #people: ReadonlyMap<string, Person> = new Map();
  #frame: number | undefined;
  #lastFrameAt = 0;

  constructor(layer: HTMLElement) {
    this.#layer = layer;
    new ResizeObserver(() => this.#draw()).observe(layer);
  }

  /** Takes the names and colours of those who are here; the cursors of all others go. */
  setPeople(people: readonly Person[]): void {
    this.#people = new Map(people.map((person) => [person.id, person]));
    for (const [id, shown] of this.#cursors) {
      const person = this.#people.get(id);
      if (person === undefined) this.remove(id);
      else dress(shown, person);
    }
  }

  /** Takes a report of where somebody's cursor is. */
  move(id: string, spot: Spot, now: number): void {
    const person = this.#people.get(id);
    if (person === undefined) return;
    const shown = this.#cursors.get(id);
    if (shown === undefined) this.#add(id, person, appear(spot, now));
    else {
      shown.motion = receive(shown.motion, spot, now);
      this.#wake(shown);
    }
    this.#run();
  }

  /** Takes a cursor away: its owner left the area, or the room. */
  remove(id: string): void {
    const shown = this.#cursors.get(id);
    if (shown === undefined) return;
    this.#cursors.delete(id);
    clearTimeout(shown.stillTimer);
    shown.element.dataset["gone"] = "";
    setTimeout(() => shown.element.remove(), FADE_MS);
  }

  /** Shows a press as a ring that spreads. */
  ripple(id: string, spot: Spot): void {
    const person = this.#people.get(id);
    if (person === undefined) return;
    const anchor = make(
      "div",
      { class: "cursor", "data-colour": person.colour },
      make("span", { class: "ripple" }),
    );
    this.#place(anchor, spot);
    this.#layer.append(anchor);
    anchor.addEventListener("animationend", () => anchor.remove());
  }

  #add(id: string, person: Person, motion: Motion): void {
    const tag = make("span", { class: "tag" });
    const element = make("div", { class: person.isSelf ? "cursor own" : "cursor" }, icon("cursor"), tag);
    const shown: Shown = { element, tag, motion, stillTimer: 0 };
    dress(shown, person);
    this.#wake(shown);
    this.#cursors.set(id, shown);
    this.#place(element, motion.shown);
    this.#layer.append(element);
  }

  #wake(shown: Shown): void {
    delete shown.element.dataset["still"];
    clearTimeout(shown.stillTimer);
    shown.stillTimer = setTimeout(() => {
      shown.element.dataset["still"] = "";
    }, STILL_MS);
  }

  #run(): void {
    if (this.#frame !== undefined) return;
    this.#lastFrameAt = performance.now();
    this.#frame = requestAnimationFrame((now) => this.#tick(now));
  }

  #tick(now: number): void {
    const elapsed = Math.min(MAX_FRAME_MS, Math.max(0, now - this.#lastFrameAt));
    this.#lastFrameAt = now;
    let isMoving = false;
    for (const shown of this.#cursors.values()) {
      if (!hasArrived(shown.motion)) isMoving = true;
      shown.motion = calm.matches
        ? { ...shown.motion, shown: shown.motion.received }
        : advance(shown.motion, elapsed);
    }
    this.#draw();
    this.#frame = isMoving ? requestAnimationFrame((next) => this.#tick(next)) : undefined;
  }

  #draw(): void {
    for (const { element, motion } of this.#cursors.values()) this.#place(element, motion.shown);
  }

  #place(element: HTMLElement, { x, y }: Spot): void {
    const { clientWidth, clientHeight } = this.#layer;
    element.style.transform = `translate(${x * clientWidth}px, ${y * clientHeight}px)`;
    element.toggleAttribute("data-flip", x > FLIP_FROM);
  }
}

function dress({ element, tag }: Shown, { name, colour, isSelf }: Person): void {
  element.dataset["colour"] = colour;
  tag.textContent = isSelf ? "You" : name;
}

const calm = matchMedia("(prefers-reduced-motion: reduce)");
