import { applyTheme } from "./theme.ts";

// A script of its own, which the page waits for: a light flash before a dark page hurts.
applyTheme();
