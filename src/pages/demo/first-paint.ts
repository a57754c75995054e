import { applyTheme } from "./theme.ts";

// A separate script that blocks rendering, so that a dark page does not flash white first.
applyTheme();
