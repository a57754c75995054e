import { expect, it } from "vitest";
import { filesIn, read } from "../support/repository.ts";

/** The maximum lines of a file. `max-lines` in .oxlintrc.json has the same number. */
const MAX_LINES = 400;

/** What is generated is as long as it must be. */
const GENERATED = "src/protocol/generated/";

it.each(["src/", "test/"])("no file of %s is longer than its limit", (folder) => {
  const long = filesIn(folder)
    .filter((path) => path.endsWith(".ts") && !path.startsWith(GENERATED))
    .map((path) => ({ path, lines: read(path).split("\n").length - 1 }))
    .filter(({ lines }) => lines > MAX_LINES);

  expect(long).toEqual([]);
});
