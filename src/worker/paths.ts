import { err, ok, type Result } from "../protocol/result.ts";

/** A URL may hold a ticket and presence data, percent-encoded; Cloudflare takes 16 KB (2026-06-26). */
const MAX_URL_CHARS = 32_768;

/** The first segment of every room's path. */
const ROOMS = "rooms";

/**
 * A path without the slashes that clients add when they put addresses together: before the first segment, behind the
 * last one and between the others. A room's name is not passed over where it is empty: `/rooms//events` names no room, and
 * not the room `events`.
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

/** The query of a request. A parameter without a value counts as absent: that is how templates write one they have no value for. */
export function queryOf(url: URL): URLSearchParams {
  return new URLSearchParams([...url.searchParams].filter(([, value]) => value !== ""));
}

/** Reads the address of a request, unless it is too long to be read. */
export function readUrl({ url }: Request): Result<URL> {
  if (url.length <= MAX_URL_CHARS) return ok(new URL(url));
  return err({ code: "bad_request", message: `a URL has at most ${MAX_URL_CHARS} characters` });
}
