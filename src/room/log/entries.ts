import { isFor, type Addressed, type Viewer } from "../../protocol/messages.ts";
import type { Segment } from "./segment-store.ts";

/**
 * The separator between the frames of a row. JSON allows a tab there, and no frame contains a tab. So a row is the
 * inside of a JSON array that can be split into frames without parsing. The tab comes first because the search looks
 * for the first character, and commas are frequent.
 */
const SEPARATOR = "\t,";

/** A frame of a row. */
export interface Entry {
  readonly offset: number;
  readonly text: string;
}

/** Joins frames into the text of a row. */
export function joinEntries(texts: readonly string[]): string {
  // In JSON a raw tab can only occur between tokens, where a space is equivalent.
  return texts.map((text) => text.replaceAll("\t", " ")).join(SEPARATOR);
}

/**
 * Returns the frames of a row after an offset that the viewer may see.
 *
 * @param wanted the type of frame to return; all types if absent
 */
export function entriesOf(
  segment: Segment,
  after: number,
  viewer: Viewer,
  wanted?: Addressed["type"],
): Entry[] {
  const entries: Entry[] = [];
  for (const [index, text] of textsOf(segment).entries()) {
    const offset = segment.first + index;
    if (offset <= after) continue;
    const head = headOf(text);
    if ((wanted === undefined || head.type === wanted) && isFor(head, viewer)) entries.push({ offset, text });
  }
  return entries;
}

function textsOf({ first, last, body }: Segment): readonly string[] {
  const texts = body.split(SEPARATOR);
  if (texts.length === last - first + 1) return texts;
  // Older code wrote rows with only commas between their frames.
  return (JSON.parse(`[${body}]`) as unknown[]).map((frame) => JSON.stringify(frame));
}

/** The beginning of a frame as `encodeEntry` writes it: everything up to the first field that a client chose. */
const HEAD =
  /^\{"type":"(message|state)","offset":\d+,"time":\d+,"from":"([\w-]+)",(?:"user":"(?:[^"\\]|\\.)*",)?(?:"to":\["([\w",-]+)"\],)?"(?:event|set|delete)":/;

/** Reads the addressees of a stored frame from its beginning only. */
function headOf(text: string): Addressed {
  const [, type, from, to] = HEAD.exec(text) ?? [];
  // Unexpected text is parsed, because a message for a few members must not reach all members.
  if (type === undefined || from === undefined) return JSON.parse(text) as Addressed;
  return {
    type: type === "state" ? type : "message",
    from,
    ...(to !== undefined && { to: to.split('","') }),
  };
}
