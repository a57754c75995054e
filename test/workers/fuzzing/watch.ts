import { expect, vi } from "vitest";

/** Records what the server logs as an error: a failed turn or a failed request. Rooms log to the console of their test. */
export function watchErrors(): { expectNone(): void } {
  const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
  return {
    expectNone() {
      expect(log.mock.calls).toEqual([]);
    },
  };
}

/** What an error must never expose: a stack, a path in the code, the name of a JavaScript error. */
export const INTERNALS =
  /\n\s*at |\.[jt]s\b|node_modules|\b(?:Type|Syntax|Range|Reference|URI)?Error\b|SQLITE|undefined/;
