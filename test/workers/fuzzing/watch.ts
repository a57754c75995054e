import { expect, vi } from "vitest";

/** Watches what the server logs as an error: a turn that failed, a request that did. Rooms log where their tests do. */
export function watchErrors(): { expectNone(): void } {
  const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
  return {
    expectNone() {
      expect(log.mock.calls).toEqual([]);
    },
  };
}

/** What no one is to read in an error: a stack, a path of the code, the name of an error of the language. */
export const INTERNALS =
  /\n\s*at |\.[jt]s\b|node_modules|\b(?:Type|Syntax|Range|Reference|URI)?Error\b|SQLITE|undefined/;
