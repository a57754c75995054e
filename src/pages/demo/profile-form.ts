import { byId, make } from "./dom.ts";
import type { Profile } from "./identity.ts";
import { COLOURS, MAX_NAME_CHARS } from "./names.ts";
import type { Store } from "./store.ts";
import type { View } from "./view.ts";

/**
 * Wires the popover for the user's name and colour. A colour applies at once, and a name when it is entered. An empty
 * name is ignored.
 */
export function wireProfileForm(store: Store<View>, change: (profile: Profile) => void): void {
  const popover = byId("profile", HTMLElement);
  const form = byId("profile-form", HTMLFormElement);
  const name = byId("profile-name", HTMLInputElement);
  const colours = byId("profile-colours", HTMLElement);
  name.maxLength = MAX_NAME_CHARS;

  for (const colour of COLOURS) {
    const input = make("input", { type: "radio", name: "colour", value: colour, "aria-label": colour });
    input.addEventListener("change", () => change({ ...store.state.profile, colour }));
    colours.append(make("label", { "data-colour": colour, title: colour }, input, make("span")));
  }

  popover.addEventListener("toggle", (event) => {
    if (event.newState !== "open") {
      takeName();
      return;
    }
    const { profile } = store.state;
    name.value = profile.name;
    for (const input of colours.querySelectorAll("input")) input.checked = input.value === profile.colour;
    name.select();
  });
  name.addEventListener("change", takeName);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    popover.hidePopover();
  });

  function takeName(): void {
    const entered = name.value.trim().replaceAll(/\s+/g, " ");
    const { profile } = store.state;
    if (entered !== "" && entered !== profile.name) change({ ...profile, name: entered });
  }
}
