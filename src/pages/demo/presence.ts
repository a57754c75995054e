import { byId, make, setText } from "./dom.ts";
import { initialsOf } from "./names.ts";
import type { Store } from "./store.ts";
import type { Person, View } from "./view.ts";

/** Maximum number of other members that are shown as avatars. The rest are shown as a number. */
const MAX_FACES = 5;

/** Shows the members, and announces joins and leaves to screen readers. */
export function showPresence(store: Store<View>): void {
  const others = byId("others", HTMLUListElement);
  const count = byId("count", HTMLElement);
  const announcer = byId("announcer", HTMLElement);
  const faces = new Map<string, HTMLLIElement>();
  let known: ReadonlyMap<string, Person> | undefined;

  store.watch((view) => {
    showSelf(view);
    const present = view.people.filter(({ isSelf }) => !isSelf);
    setText(count, view.count > 1 ? `${view.count.toLocaleString()} here` : "");
    showFaces(present, view);
    if (view.self !== undefined && !view.isCrowd) announce(present);
  });

  function showFaces(present: readonly Person[], { count: total, isCrowd }: View): void {
    const shown = present.slice(0, MAX_FACES);
    const ids = new Set(shown.map(({ id }) => id));
    for (const [id, face] of faces) {
      if (ids.has(id)) continue;
      face.remove();
      faces.delete(id);
    }
    others.querySelector(".more")?.remove();
    for (const person of shown) {
      const face = faces.get(person.id) ?? others.appendChild(make("li"));
      faces.set(person.id, face);
      showFace(face, person);
    }
    const rest = (isCrowd ? total - 1 : present.length) - shown.length;
    if (rest > 0) {
      const names = present.slice(MAX_FACES).map(({ name }) => name);
      const title = isCrowd ? "The room is too large to list its members" : names.slice(0, 30).join(", ");
      others.append(make("li", { class: "more", title }, `+${rest.toLocaleString()}`));
    }
  }

  function announce(present: readonly Person[]): void {
    const now = new Map(present.map((person) => [person.id, person]));
    if (known !== undefined) {
      const came = present.filter(({ id }) => !known?.has(id)).map(({ name }) => `${name} joined`);
      const went = [...known.values()].filter(({ id }) => !now.has(id)).map(({ name }) => `${name} left`);
      // At most three, so that a screen reader is not busy with a large room.
      if (came.length + went.length > 0) setText(announcer, [...came, ...went].slice(0, 3).join(". "));
    }
    known = now;
  }
}

/** Colours an avatar and puts initials on it. */
export function showAvatar(avatar: HTMLElement, { name, colour }: Pick<Person, "name" | "colour">): void {
  avatar.dataset["colour"] = colour;
  setText(avatar, initialsOf(name));
}

function showFace(face: HTMLLIElement, person: Person): void {
  if (face.title === person.name && face.dataset["tint"] === person.colour) return;
  face.title = person.name;
  face.dataset["tint"] = person.colour;
  const avatar = make("span", { class: "avatar", "aria-hidden": "true" });
  showAvatar(avatar, person);
  face.replaceChildren(avatar, make("span", { class: "sr-only" }, person.name));
}

function showSelf({ profile }: View): void {
  document.body.dataset["colour"] = profile.colour;
  byId("me", HTMLButtonElement).dataset["colour"] = profile.colour;
  showAvatar(byId("my-avatar", HTMLElement), profile);
  setText(byId("my-name", HTMLElement), profile.name);
}
