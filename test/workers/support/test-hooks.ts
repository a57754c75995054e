import { onTestFinished } from "vitest";
import type { KindHooks, RoomIdentity } from "../../../src/config/hooks.ts";

/** The hooks of `ruled` rooms. A test and its rooms share an isolate, so the rooms call what a test sets here. */
export const TEST_HOOKS: { -readonly [Hook in keyof KindHooks]: KindHooks[Hook] } = {};

/** Sets the hooks for one test. */
export function setHooks(hooks: KindHooks): void {
  Object.assign(TEST_HOOKS, hooks);
  onTestFinished(() => {
    for (const name of Object.keys(TEST_HOOKS)) delete TEST_HOOKS[name as keyof KindHooks];
  });
}

/** What `created` rooms call to make their hooks, and the fallback of a room for which a test sets nothing. */
const CREATORS: { create: (room: RoomIdentity) => KindHooks } = { create: () => ({}) };

/** The `create` of `created` rooms. */
export function createTestHooks(room: RoomIdentity): KindHooks {
  return CREATORS.create(room);
}

/** Sets what makes the hooks of `created` rooms, for one test. */
export function setCreate(create: (room: RoomIdentity) => KindHooks): void {
  CREATORS.create = create;
  onTestFinished(() => {
    CREATORS.create = () => ({});
  });
}
