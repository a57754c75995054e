import { describe, expect, it } from "vitest";
import { filesIn, read } from "../support/repository.ts";
import { isNode, type Node, nodesOf, textOf } from "../support/syntax.ts";

/** What README promises, G1 to G12: a title may name a promise in place of a rule. */
const PROMISES = Array.from({ length: 12 }, (_, index) => `G${index + 1}`);

/** The ids that PROTOCOL.md gives its rules: lines that begin with `- **X12** ` or `**X12** `. */
function rulesIn(markdown: string): string[] {
  return [...markdown.matchAll(/^\s*(?:[-*] )?\*\*([A-Z]{1,2}\d+)\*\* /gm)].map((match) => match[1] ?? "");
}

/** The ids in brackets that begin the titles of the tests in a source; tests that are skipped prove nothing. */
function idsIn(source: string, lang?: "ts" | "tsx"): string[] {
  return nodesOf(source, lang)
    .filter((node) => node.type === "CallExpression" && isTest(nameOf(node["callee"])))
    .flatMap((call) => {
      const title = textOf((call["arguments"] as Node[])[0]) ?? "";
      return /^\[([A-Z]{1,2}\d+(?: [A-Z]{1,2}\d+)*)\] /.exec(title)?.[1]?.split(" ") ?? [];
    });
}

function isTest([name, ...modifiers]: readonly string[]): boolean {
  return (name === "it" || name === "test") && !modifiers.includes("skip") && !modifiers.includes("todo");
}

/** What is called, as words: `["it", "each"]` for `it.each(table)(…)`, and for a table in a template too. */
function nameOf(callee: unknown): string[] {
  if (!isNode(callee)) return [];
  switch (callee.type) {
    case "Identifier":
      return [String(callee["name"])];
    case "MemberExpression":
      return [...nameOf(callee["object"]), ...nameOf(callee["property"])];
    case "CallExpression":
      return nameOf(callee["callee"]);
    case "TaggedTemplateExpression":
      return nameOf(callee["tag"]);
    default:
      return [];
  }
}

describe("rules", () => {
  const rules = rulesIn(read("src/protocol/PROTOCOL.md"));
  // The tests of the repository itself are about no rule, and hold samples.
  const titled = filesIn("test/")
    .filter((path) => /\.tsx?$/.test(path) && !path.startsWith("test/repo/"))
    .flatMap((path) => idsIn(read(path), path.endsWith("x") ? "tsx" : "ts").map((id) => ({ id, path })));
  const tested = new Set(titled.map(({ id }) => id));

  it("PROTOCOL.md has rules, and gives no id twice", () => {
    expect(rules).not.toEqual([]);
    expect(rules.filter((id, index) => rules.indexOf(id) !== index)).toEqual([]);
  });

  it("every rule of PROTOCOL.md begins the title of a test", () => {
    const missing = rules.filter((id) => !tested.has(id));

    expect(missing.join(", "), "rules that no test is named for").toBe("");
  });

  it("every id in a title is a rule of PROTOCOL.md or a promise", () => {
    const known = new Set([...rules, ...PROMISES]);

    expect(titled.filter(({ id }) => !known.has(id))).toEqual([]);
  });
});

describe("the parsers themselves", () => {
  it("rules are list items or paragraphs that begin with a bold id", () => {
    const markdown = [
      "- **J3** A join is one request.",
      "  - **JA12** Nested.",
      "* **P1** With a star.",
      "**R7** In a paragraph.",
      "- **note** No id.",
      "- See **J4** for more.",
      "- **J5**: no space after.",
    ].join("\n");

    expect(rulesIn(markdown)).toEqual(["J3", "JA12", "P1", "R7"]);
  });

  it.each([
    ["a string", 'it("[J3] joins", () => {});', ["J3"]],
    ["several ids", "test('[G3 P12] stores once', () => {});", ["G3", "P12"]],
    ["a template", "it(`[J3] joins ${room}`, () => {});", ["J3"]],
    ["a table", 'it.each([["(a)", 1]])(\n  "[P2] answers %s",\n  () => {},\n);', ["P2"]],
    ["a table in a template", 'test.each`a | b\n${1} | ${2}`("[P2] adds", () => {});', ["P2"]],
    [
      "modifiers",
      'it.concurrent.each([1])("[P2] %d", () => {}); it.skipIf(slow)("[P3] x", () => {});',
      ["P2", "P3"],
    ],
    ["nesting", 'describe("[A1] group", () => { for (const x of xs) it("[P2] x", () => {}); });', ["P2"]],
    [
      "skipped tests",
      'it.skip("[P2] x", () => {}); it.todo("[P3] y"); it.skip.each([1])("[P4] z", () => {});',
      [],
    ],
    ["comments and other calls", '// it("[P2] x", () => {});\nlog("[P3] x");', []],
    ["ids elsewhere", 'it("joins [J3]", () => {}); it("[J3]joins", () => {}); it("[j3] x", () => {});', []],
  ])("ids are found in titles: %s", (_what, source, ids) => {
    expect(idsIn(source)).toEqual(ids);
  });
});
