import { onTestFinished } from "vitest";
import type { KindHooks } from "../../../src/config/hooks.ts";

/** The hooks of `ruled` rooms. A test and its rooms share an isolate, so the rooms call what a test sets here. */
export const TEST_HOOKS: { -readonly [Hook in keyof KindHooks]: KindHooks[Hook] } = {};

/** Sets the hooks for one test. */
export function setHooks(hooks: KindHooks): void {
  Object.assign(TEST_HOOKS, hooks);
  onTestFinished(() => {
    for (const name of Object.keys(TEST_HOOKS)) delete TEST_HOOKS[name as keyof KindHooks];
  });
}
