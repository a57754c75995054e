import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, it } from "vitest";
import { absolute, filesIn, read } from "../support/repository.ts";
import { between, generatedTables, replaceBetween } from "../support/tables.ts";

const files = filesIn("");
const documents = files.filter((path) => path.endsWith(".md"));

/** What a build machine leaves behind. In pieces, so that this file holds none of it. */
const FOREIGN = [["", "work", ""].join("/"), ["farm", ""].join("-")];

/** The documents that a file links to: paths from the root, with the heading after `#` if there is one. */
function relativeLinksIn(path: string, markdown: string): string[] {
  const links = withoutCode(markdown).matchAll(
    /\]\(<?([^)\s>]+)>?(?: ["'][^"']*["'])?\)|^\[[^\]]+\]:\s+(\S+)/gm,
  );
  return [...links]
    .map((match) => match[1] ?? match[2] ?? "")
    .filter((link) => !/^[a-z][a-z+.-]*:|^\/\//.test(link))
    .map((link) => (link.startsWith("#") ? path + link : posix.join(posix.dirname(path), link)));
}

/** The anchors that GitHub gives a document's headings. */
function anchorsIn(markdown: string): string[] {
  return [...withoutCode(markdown).matchAll(/^#+ +(.+?) *#*$/gm)].map((match) =>
    (match[1] ?? "")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** Fenced blocks hold samples, not links and headings. */
function withoutCode(markdown: string): string {
  return markdown.replace(/^ *(```+|~~~+)[^]*?^ *\1/gm, "");
}

function tsBlocksIn(markdown: string): string[] {
  return [...markdown.matchAll(/^```ts\n([^]*?)^```/gm)].map((match) => match[1] ?? "");
}

function isBroken(link: string): boolean {
  const [path = "", anchor] = link.split("#");
  if (!existsSync(absolute(path))) return true;
  if (anchor === undefined || statSync(absolute(path)).isDirectory()) return false;
  return path.endsWith(".md") && !anchorsIn(read(path)).includes(anchor);
}

describe("documents", () => {
  it.each(generatedTables())(
    "$file has the $name of the code (npm run docs writes them)",
    ({ name, file, text }) => {
      expect(between(read(file), name)).toBe(text);
    },
  );

  it("README's options stand under their heading", () => {
    expect(read("README.md")).toMatch(/^## Options$(?:(?!^## )[^])*<!-- options:begin -->/m);
  });

  it("README's TypeScript compiles", () => {
    const blocks = tsBlocksIn(read("README.md")).filter((code) => !code.includes("cloudflare:workers"));
    mkdirSync(absolute("node_modules/.cache"), { recursive: true });
    const folder = mkdtempSync(absolute("node_modules/.cache/readme-"));
    const files = blocks.map((code, index) => {
      const file = join(folder, `block-${index}.ts`);
      writeFileSync(file, code.replaceAll('"./src/', `"${absolute("src")}/`));
      return file;
    });
    const options =
      "--ignoreConfig --noEmit --strict --allowImportingTsExtensions --target es2024 --module esnext --types";
    const flags = [...options.split(" "), "", "--lib", "es2024,dom", "--moduleResolution", "bundler"];

    const { stdout, status } = spawnSync(absolute("node_modules/.bin/tsc"), [...flags, ...files], {
      encoding: "utf8",
    });

    rmSync(folder, { recursive: true });
    expect(blocks.length).toBeGreaterThan(0);
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });

  it("README's Worker with rules is the one that is tested", () => {
    const example = read("test/example/worker.ts").replaceAll("../../src/", "./src/");

    expect(tsBlocksIn(read("README.md"))).toContain(example);
    expect(read("README.md")).toContain(read("test/example/wrangler.toml"));
  });

  it.each(documents)("the relative links of %s lead somewhere", (path) => {
    expect(relativeLinksIn(path, read(path)).filter(isBroken)).toEqual([]);
  });

  it.each(FOREIGN)("no file names %s", (word) => {
    expect(files.filter((path) => read(path).includes(word))).toEqual([]);
  });
});

describe("the parsers themselves", () => {
  it("links are paths from the root; other sites and code are left alone", () => {
    const markdown = [
      "[a](b.md) and ![c](../d.png 'e') and [f](g/#h) [i](<j.md>)",
      "[x](https://example.com) [y](mailto:a@example.com) [z](#here)",
      "[k]: ./l.md",
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
    ]);
  });

  it("anchors are GitHub's", () => {
    expect(anchorsIn("# Close codes\n## 6. `ERRORS`, and why\n```sh\n# not one\n```")).toEqual([
      "close-codes",
      "6-errors-and-why",
    ]);
  });

  it("a table replaces what stands between its marks, dollar signs and all", () => {
    const document = "a\n<!-- t:begin -->\nold\n<!-- t:end -->\nb";

    expect(replaceBetween(document, "t", "| $1 $& |")).toBe(
      "a\n<!-- t:begin -->\n\n| $1 $& |\n\n<!-- t:end -->\nb",
    );
    expect(between(replaceBetween(document, "t", "new"), "t")).toBe("new");
    expect(between("no marks", "t")).toBeUndefined();
  });
});
