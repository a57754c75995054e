import { err, ok, type Result } from "../../protocol/result.ts";

/** A URL may hold a ticket and presence data, percent-encoded; Cloudflare takes 16 KB (2026-06-26). */
const MAX_URL_CHARS = 32_768;

/** The first segment of every room's path. */
const ROOMS = "rooms";

/**
 * A path without the extra slashes that clients add when they assemble addresses: before the first segment, after the last
 * one and between the others. An empty room name is not skipped: `/rooms//events` names no room, and not the room `events`.
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

/** The query of a request. A parameter without a value counts as absent, because templates write absent values like that. */
export function queryOf(url: URL): URLSearchParams {
  return new URLSearchParams([...url.searchParams].filter(([, value]) => value !== ""));
}

/** Reads the address of a request, unless it is too long to be read. */
export function readUrl({ url }: Request): Result<URL> {
  if (url.length <= MAX_URL_CHARS) return ok(new URL(url));
  return err({
    code: "bad_request",
    message: `the URL is ${url.length} characters, the limit is ${MAX_URL_CHARS}; send tokens in a header or as a subprotocol`,
  });
}
