import { existsSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { anchorsIn, relativeLinksIn } from "../support/links.ts";
import { absolute, filesIn, read } from "../support/repository.ts";

const documents = filesIn("").filter((path) => path.endsWith(".md"));

function isBroken(link: string): boolean {
  const [path = "", anchor] = link.split("#");
  if (!existsSync(absolute(path))) return true;
  if (anchor === undefined || statSync(absolute(path)).isDirectory()) return false;
  return path.endsWith(".md") && !anchorsIn(read(path)).includes(anchor);
}

describe("links", () => {
  it.each(documents)("the relative links of %s lead somewhere", (path) => {
    expect(relativeLinksIn(path, read(path)).filter(isBroken)).toEqual([]);
  });
});

describe("module names", () => {
  it("every folder/module that ARCHITECTURE.md names in a code span is in src", () => {
    const sources = filesIn("src/").map((path) => `/${path}`);
    const names = [...read("src/ARCHITECTURE.md").matchAll(/`([a-z-]+(?:\/[a-z-]+)+)`/g)].map(
      ([, name]) => name,
    );

    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => !sources.some((path) => path.endsWith(`/${name}.ts`)))).toEqual([]);
  });
});

describe("the parsers themselves", () => {
  it("links are paths from the root; other sites and code are left alone", () => {
    const markdown = [
      "[a](b.md) and ![c](../d.png 'e') and [f](g/#h) [i](<j.md>)",
      "[x](https://example.com) [y](mailto:a@example.com) [z](#here)",
      "[k]: ./l.md",
      '<source srcset="p.png"><img src="q.png" width="9" alt="r">',
      "```md",
      "[m](n.md)",
      "```",
    ].join("\n");

    expect(relativeLinksIn("docs/o.md", markdown)).toEqual([
      "docs/b.md",
      "d.png",
      "docs/g/#h",
      "docs/j.md",
      "docs/o.md#here",
      "docs/l.md",
      "docs/p.png",
      "docs/q.png",
    ]);
  });

  it("anchors are GitHub's", () => {
    expect(anchorsIn("# Close codes\n## 6. `ERRORS`, and why\n```sh\n# not one\n```")).toEqual([
      "close-codes",
      "6-errors-and-why",
    ]);
  });
});
