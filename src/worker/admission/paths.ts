import { err, ok, type Result } from "../../protocol/result.ts";

/** The maximum length of a URL, which may contain a ticket and presence data. Cloudflare accepts 16 KB (2026-06-26). */
const MAX_URL_CHARS = 32_768;

/** The first segment of every room's path. */
const ROOMS = "rooms";

/**
 * Removes the extra slashes that clients add when they assemble URLs: before the first segment, after the last one and
 * between the others. An empty room name is kept, because `/rooms//events` must not become the room `events`.
 */
export function withoutSpareSlashes(path: string): string {
  if (!path.includes("//") && !path.endsWith("/")) return path;
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    const isName = segments.length === 1 && segments[0] === ROOMS;
    if (segment !== "" || isName) segments.push(segment);
  }
  return `/${segments.join("/")}`;
}

/** Reads the query of a request. A parameter without a value counts as absent, because templates produce such parameters. */
export function queryOf(url: URL): URLSearchParams {
  return new URLSearchParams([...url.searchParams].filter(([, value]) => value !== ""));
}

/** Parses the URL of a request, unless it is too long. */
export function readUrl({ url }: Request): Result<URL> {
  if (url.length <= MAX_URL_CHARS) return ok(new URL(url));
  return err({
    code: "bad_request",
    message: `the URL is ${url.length} characters, the limit is ${MAX_URL_CHARS}; send tokens in a header or as a subprotocol`,
  });
}
