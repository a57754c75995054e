import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { absolute, filesIn, read } from "../support/repository.ts";
import { blocksIn, fileNameOf, programsIn, SAMPLE_LANGUAGES, samplesIn } from "../support/samples.ts";

/** Pages for users. Their samples run in `test/e2e/docs`. */
const pages = ["README.md", ...filesIn("docs/").filter((path) => path.endsWith(".md"))];

/** The source of each entry of the package. Samples are compiled against the sources, which needs no build. */
const ENTRIES = Object.entries(
  (JSON.parse(read("package.json")) as { exports: Record<string, { types?: string }> }).exports,
).flatMap(([name, { types }]) =>
  types === undefined
    ? []
    : [
        {
          specifier: name.replace(".", "parlor"),
          source: absolute(types.replace("./dist/lib", "src").replace(/d\.ts$/, "ts")),
        },
      ],
);

/** Checks the types of files. Returns what is wrong with them. */
function compile(files: readonly string[], [lib = "", types = ""]: readonly string[]): string {
  const options =
    "--ignoreConfig --noEmit --strict --exactOptionalPropertyTypes --allowImportingTsExtensions --target es2024 --module esnext --moduleResolution bundler --jsx react-jsx --skipLibCheck";
  const { stdout } = spawnSync(
    absolute("node_modules/.bin/tsc"),
    [...options.split(" "), "--lib", lib, "--types", types, ...files],
    { encoding: "utf8", cwd: absolute("") },
  );
  return stdout;
}

describe("samples", () => {
  it.each(pages)("the samples of %s have a test that runs or checks each of them", (path) => {
    const blocks = blocksIn(read(path));
    const others = blocks.filter(({ language }) => ![...SAMPLE_LANGUAGES, "text"].includes(language));
    const tests = filesIn("test/e2e/docs/").filter((file) => read(file).includes(`samplesOf(`));
    // samplesOf throws if the page has other samples than its test names.
    const named = tests.filter((file) => new RegExp(`samplesOf\\(\\s*"${path}"`).test(read(file)));

    expect(others).toEqual([]);
    expect(named.length).toBe(samplesIn(read(path)).length > 0 ? 1 : 0);
  });

  it("the TypeScript of README and docs/ compiles", () => {
    mkdirSync(absolute("node_modules/.cache"), { recursive: true });
    const folder = mkdtempSync(absolute("node_modules/.cache/samples-"));
    const programs = pages.flatMap((page) => {
      return ["ts", "tsx"].flatMap((extension) => {
        const samples = samplesIn(read(page)).filter(({ language }) => language === extension);
        return programsIn(samples.map(({ code }) => code)).map((code, index) => ({
          name: `${page.replaceAll(/\W/g, "-")}-${fileNameOf(code) ?? `${index}.${extension}`}`,
          page,
          code,
        }));
      });
    });
    const written = programs.map(({ name, page, code }) => {
      const file = join(folder, name);
      const linked = ENTRIES.reduce(
        (text, { specifier, source }) => text.replaceAll(`"${specifier}"`, `"${source}"`),
        code,
      );
      // Samples of src/rooms.ts import from its folder. Other imports are of files that the same page defines.
      const placed = linked
        .replaceAll('"./config/', `"${absolute("src/config/")}`)
        .replaceAll(/"\.\/(?=[\w-]+\.ts")/g, `"./${page.replaceAll(/\W/g, "-")}-`);
      writeFileSync(file, placed);
      return { file, isServer: /"cloudflare:workers"|"\.\/config\//.test(code) };
    });

    const results = [true, false].map((isServer) => {
      const files = written.filter((program) => program.isServer === isServer).map(({ file }) => file);
      expect(files).not.toEqual([]);
      return compile(files, isServer ? ["es2024", "@cloudflare/workers-types"] : ["es2024,dom", "node"]);
    });

    rmSync(folder, { recursive: true });
    expect(results).toEqual(["", ""]);
  });
});

describe("the parsers themselves", () => {
  it("samples are fenced blocks; one without imports continues the program before it", () => {
    const markdown = [
      "```ts",
      "import a;",
      "```",
      "text",
      "```ts",
      "b;",
      "```",
      "```",
      "c",
      "```",
      "```sh",
      "d",
      "```",
    ];

    expect(blocksIn(markdown.join("\n")).map(({ language }) => language)).toEqual(["ts", "ts", "", "sh"]);
    expect(samplesIn(markdown.join("\n"))).toHaveLength(3);
    expect(programsIn(["import a;\n", "b;\n", "import c;\n"])).toEqual(["import a;\n\nb;\n", "import c;\n"]);
  });
});
