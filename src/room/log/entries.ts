import { isFor, type Addressed, type Viewer } from "../../protocol/messages.ts";
import type { Segment } from "./segment-store.ts";

/**
 * The separator between the frames of a row. JSON allows a tab there, and no frame contains one. So a row is the inside of
 * a JSON array that splits into its frames without being parsed. The tab comes first, because the search is for the first
 * character, and commas are frequent.
 */
const SEPARATOR = "\t,";

/** A frame of a row. */
export interface Entry {
  readonly offset: number;
  readonly text: string;
}

/** Writes the frames of a row. */
export function joinEntries(texts: readonly string[]): string {
  // In JSON a raw tab can only be between tokens, where a space is equivalent.
  return texts.map((text) => text.replaceAll("\t", " ")).join(SEPARATOR);
}

/**
 * The frames of a row that a reader may see, after an offset.
 *
 * @param wanted the type of frame to return; absent for all
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
  // Rows that older code wrote have only commas between their frames.
  return (JSON.parse(`[${body}]`) as unknown[]).map((frame) => JSON.stringify(frame));
}

/** How a frame begins, as `encodeEntry` writes it: everything up to the first field that a client chose. */
const HEAD =
  /^\{"type":"(message|state)","offset":\d+,"time":\d+,"from":"([\w-]+)",(?:"user":"(?:[^"\\]|\\.)*",)?(?:"to":\["([\w",-]+)"\],)?"(?:event|set|delete)":/;

/** Who may see a stored frame, read only from its beginning. */
function headOf(text: string): Addressed {
  const [, type, from, to] = HEAD.exec(text) ?? [];
  // Anything unexpected is parsed, because a message for a few members must not reach all.
  if (type === undefined || from === undefined) return JSON.parse(text) as Addressed;
  return {
    type: type === "state" ? type : "message",
    from,
    ...(to !== undefined && { to: to.split('","') }),
  };
}
