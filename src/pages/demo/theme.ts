import { byId } from "./dom.ts";

const STORED = "parlor.theme";

/** Light or dark. */
type Theme = "light" | "dark";

/** Makes the page light or dark: what was chosen here, else what the system says. Run before anything is painted. */
export function applyTheme(): Theme {
  const stored = localStorage.getItem(STORED);
  const theme = stored === "light" || stored === "dark" ? stored : systemTheme();
  document.documentElement.dataset["theme"] = theme;
  return theme;
}

/** Wires the switch. Choosing what the system says anyway means to follow the system again. */
export function wireTheme(): void {
  const button = byId("theme", HTMLButtonElement);
  name(button, applyTheme());
  button.addEventListener("click", () => {
    const next = document.documentElement.dataset["theme"] === "dark" ? "light" : "dark";
    if (next === systemTheme()) localStorage.removeItem(STORED);
    else localStorage.setItem(STORED, next);
    name(button, applyTheme());
  });
  systemDark().addEventListener("change", () => name(button, applyTheme()));
}

function name(button: HTMLButtonElement, theme: Theme): void {
  const text = theme === "dark" ? "Switch to the light theme" : "Switch to the dark theme";
  button.title = text;
  button.setAttribute("aria-label", text);
}

function systemTheme(): Theme {
  return systemDark().matches ? "dark" : "light";
}

function systemDark(): MediaQueryList {
  return matchMedia("(prefers-color-scheme: dark)");
}
