import { onTestFinished } from "vitest";
import type { KindHooks } from "../../../src/config/hooks.ts";

/** The hooks of the kind `ruled`. A test and its rooms are one isolate, so what a test sets here is what they call. */
export const TEST_HOOKS: { -readonly [Hook in keyof KindHooks]: KindHooks[Hook] } = {};

/** Sets the hooks for one test. */
export function setHooks(hooks: KindHooks): void {
  Object.assign(TEST_HOOKS, hooks);
  onTestFinished(() => {
    for (const name of Object.keys(TEST_HOOKS)) delete TEST_HOOKS[name as keyof KindHooks];
  });
}
