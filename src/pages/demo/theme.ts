import { byId } from "./dom.ts";

const STORED = "parlor.theme";

/** Light or dark. */
type Theme = "light" | "dark";

/** Applies the theme that the user chose, or that of the system. Runs before the first paint. */
export function applyTheme(): Theme {
  const stored = localStorage.getItem(STORED);
  const theme = stored === "light" || stored === "dark" ? stored : systemTheme();
  document.documentElement.dataset["theme"] = theme;
  return theme;
}

/** Wires the switch. If the user chooses the theme of the system, the page follows the system again. */
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
