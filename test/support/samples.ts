import { read } from "./repository.ts";

/** One fenced block of a page. */
export interface Block {
  readonly language: string;
  readonly code: string;
}

/** The languages of samples: text that a reader copies. A test runs or checks every one of them. */
export const SAMPLE_LANGUAGES = ["ts", "tsx", "js", "sh", "html", "toml", "json"];

/** The fenced blocks of a document, in order. A block without a language has the language "". */
export function blocksIn(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\S*)[^\n]*\n([^]*?)^```$/gm)].map(([, language = "", code = ""]) => ({
    language,
    code,
  }));
}

/** The samples of a document, in order. */
export function samplesIn(markdown: string): Block[] {
  return blocksIn(markdown).filter(({ language }) => SAMPLE_LANGUAGES.includes(language));
}

/**
 * Returns the samples of a page, in order.
 *
 * @param languages the languages of all samples of the page, in order. Other samples on the page are an error, so a new
 *   sample fails its page's test until that test runs it
 */
export function samplesOf<const Languages extends readonly string[]>(
  page: string,
  ...languages: Languages
): { readonly [Index in keyof Languages]: string } {
  const samples = samplesIn(read(page));
  const found = samples.map(({ language }) => language).join(" ");
  if (found !== languages.join(" ")) {
    throw new Error(`${page} has samples in ${found}; its test expects ${languages.join(" ")}`);
  }
  return samples.map(({ code }) => code) as { [Index in keyof Languages]: string };
}

/**
 * Joins the TypeScript samples of a page to programs. A sample that begins with an import, or with the name of its file in a
 * comment, begins a program; others continue the previous program, as they do for a reader.
 */
export function programsIn(samples: readonly string[]): string[] {
  const programs: string[] = [];
  for (const code of samples) {
    const last = programs.at(-1);
    if (last === undefined || code.startsWith("import ") || fileNameOf(code) !== undefined)
      programs.push(code);
    else programs[programs.length - 1] = `${last}\n${code}`;
  }
  return programs;
}

/** The name of a program's file, if its first line is a comment with this name. Other programs of the page may import it. */
export function fileNameOf(program: string): string | undefined {
  return /^\/\/ (\S+\.ts)\n/.exec(program)?.[1];
}
