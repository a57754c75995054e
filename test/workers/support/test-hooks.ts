import { onTestFinished } from "vitest";
import type { KindHooks } from "../../../src/config/hooks.ts";

/** The hooks of the kind `ruled`. A test and its rooms are one isolate, so what a test sets here is what they call. */
export const RULES: { -readonly [Hook in keyof KindHooks]: KindHooks[Hook] } = {};

/** Sets the hooks for one test. */
export function rule(hooks: KindHooks): void {
  Object.assign(RULES, hooks);
  onTestFinished(() => {
    for (const name of Object.keys(RULES)) delete RULES[name as keyof KindHooks];
  });
}
