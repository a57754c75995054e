import { describe, expect, it } from "vitest";
import { filesIn, read } from "../support/repository.ts";
import { PHRASES } from "./english-phrases.ts";

/** The files that are checked: a folder ends in a slash. */
const CHECKED = [
  ".ci/",
  ".github/",
  "CHANGELOG.md",
  "README.md",
  "docs/",
  "examples/",
  "knip.json",
  "package.json",
  "src/",
  "test/",
  "vitest.config.ts",
  "wrangler.toml",
];

/** Files that no person writes, and the phrases themselves. */
const NOT_CHECKED = ["src/protocol/generated/", "test/repo/english-phrases.ts", "test/repo/english.test.ts"];

/** The patterns, in which a space matches any white space. */
const PATTERNS = PHRASES.map(({ pattern, instead }) => ({
  pattern: new RegExp(pattern.source.replaceAll(" ", "\\s+"), `${pattern.flags}g`),
  instead,
}));

/** Every phrase of the list in a text, as `path:line: "phrase", write: replacement`. */
function phrasesIn(path: string, text: string): string[] {
  const prose = withoutLinePrefixes(text);
  return PATTERNS.flatMap(({ pattern, instead }) =>
    [...prose.matchAll(pattern)].map((match) => ({ match, instead })),
  )
    .toSorted((one, other) => one.match.index - other.match.index)
    .map(({ match, instead }) => {
      const line = text.slice(0, match.index).split("\n").length;
      return `${path}:${line}: "${match[0].replace(/\s+/g, " ")}", write: ${instead}`;
    });
}

/** Replaces the marks at the beginning of a comment's or a list's lines by spaces, because a phrase may cross lines. */
function withoutLinePrefixes(text: string): string {
  return text.replace(/^[ \t]*(?:\/\*\*?|\*(?!\/)|\/\/|#+)(?=\s)/gm, (prefix) => " ".repeat(prefix.length));
}

describe("plain English", () => {
  const files = filesIn("").filter(
    (path) =>
      CHECKED.some((part) => (part.endsWith("/") ? path.startsWith(part) : path === part)) &&
      !NOT_CHECKED.some((part) => path.startsWith(part)),
  );

  it.each(CHECKED)("%s has files to check", (part) => {
    expect(files.some((path) => path.startsWith(part))).toBe(true);
  });

  it("no checked file has a phrase of english-phrases.ts", () => {
    expect(files.flatMap((path) => phrasesIn(path, read(path))).join("\n")).toBe("");
  });
});

describe("the checker of phrases itself", () => {
  it("reports the line where a phrase begins, its words and the replacement", () => {
    const source =
      "/**\n * A member that comes\n * back is not new.\n */\nconst a = 1; // the client stays away\n";

    expect(phrasesIn("a.ts", source)).toEqual([
      'a.ts:2: "comes back", write: reconnects; rejoins',
      'a.ts:5: "stays away", write: do not retry',
    ]);
  });

  it.each([
    "There is no token, and the room is no longer empty.",
    "Math.floor(at) and the output gate",
    "const { lane: attached } = value; attached.said; sessions.heard(session);",
  ])("accepts %j", (text) => {
    expect(phrasesIn("a.md", text)).toEqual([]);
  });
});
