import { describe, expect, it } from "vitest";
import { relativeLinksIn } from "../support/links.ts";
import { filesIn, read } from "../support/repository.ts";
import { between, generatedTables, replaceBetween } from "../support/tables.ts";

const files = filesIn("");

/** What a build machine leaves behind. In pieces, so that this file holds none of it. */
const FOREIGN = [["", "work", ""].join("/"), ["farm", ""].join("-")];

/** README is read in ten minutes, by people who compare. */
const MAX_README_LINES = 250;

describe("documents", () => {
  it.each(generatedTables())(
    "$file has the $name of the code (npm run docs writes them)",
    ({ name, file, text }) => {
      expect(between(read(file), name)).toBe(text);
    },
  );

  it("README has at most 250 lines, and all twelve promises", () => {
    const readme = read("README.md");
    const promises = [...readme.matchAll(/^- \*\*(G\d+)\*\* /gm)].map((match) => match[1]);

    expect(readme.split("\n").length).toBeLessThanOrEqual(MAX_README_LINES);
    expect(promises).toEqual(Array.from({ length: 12 }, (_, index) => `G${index + 1}`));
  });

  it("docs/README.md and README.md list every page of docs/", () => {
    const guides = filesIn("docs/").filter((path) => path.endsWith(".md") && path !== "docs/README.md");

    for (const index of ["README.md", "docs/README.md"]) {
      expect(relativeLinksIn(index, read(index))).toEqual(expect.arrayContaining(guides));
    }
  });

  it.each(FOREIGN)("no file names %s", (word) => {
    expect(files.filter((path) => read(path).includes(word))).toEqual([]);
  });
});

describe("the parsers themselves", () => {
  it("a table replaces what stands between its marks, dollar signs and all", () => {
    const document = "a\n<!-- t:begin -->\nold\n<!-- t:end -->\nb";

    expect(replaceBetween(document, "t", "| $1 $& |")).toBe(
      "a\n<!-- t:begin -->\n\n| $1 $& |\n\n<!-- t:end -->\nb",
    );
    expect(between(replaceBetween(document, "t", "new"), "t")).toBe("new");
    expect(between("no marks", "t")).toBeUndefined();
  });
});
