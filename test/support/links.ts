import { posix } from "node:path";

/** The documents and pictures that a file links to: paths from the root, with the heading after `#` if there is one. */
export function relativeLinksIn(path: string, markdown: string): string[] {
  const links = withoutCode(markdown).matchAll(
    /\]\(<?([^)\s>]+)>?(?: ["'][^"']*["'])?\)|^\[[^\]]+\]:\s+(\S+)|<[^>]+ (?:src|srcset|href)="([^"]+)"/gm,
  );
  return [...links]
    .map((match) => match[1] ?? match[2] ?? match[3] ?? "")
    .filter((link) => !/^[a-z][a-z+.-]*:|^\/\//.test(link))
    .map((link) => (link.startsWith("#") ? path + link : posix.join(posix.dirname(path), link)));
}

/** The anchors that GitHub gives a document's headings. */
export function anchorsIn(markdown: string): string[] {
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
