import { isFor, type Addressed, type Eyes } from "../protocol/messages.ts";
import type { Segment } from "./segments.ts";

/**
 * Stands between the frames of a row. JSON allows a tab there, and nothing else in a row holds one, so a row is the
 * inside of a JSON array that splits into its frames without being parsed. The tab comes first, for it is what a search
 * looks for: commas are everywhere.
 */
const SEPARATOR = "\t,";

/** A frame of a row. */
export interface Entry {
  readonly offset: number;
  readonly text: string;
}

/** Writes the frames of a row. */
export function joinEntries(texts: readonly string[]): string {
  // In JSON a raw tab stands between tokens, where a space says the same.
  return texts.map((text) => text.replaceAll("\t", " ")).join(SEPARATOR);
}

/**
 * The frames of a row that a reader may see, after an offset.
 *
 * @param wanted the type of frame to return; absent for all
 */
export function entriesOf(segment: Segment, after: number, eyes: Eyes, wanted?: Addressed["type"]): Entry[] {
  const entries: Entry[] = [];
  for (const [index, text] of textsOf(segment).entries()) {
    const offset = segment.first + index;
    if (offset <= after) continue;
    const head = headOf(text);
    if ((wanted === undefined || head.type === wanted) && isFor(head, eyes)) entries.push({ offset, text });
  }
  return entries;
}

function textsOf({ first, last, body }: Segment): readonly string[] {
  const texts = body.split(SEPARATOR);
  if (texts.length === last - first + 1) return texts;
  // Rows that older code wrote have commas alone between their frames.
  return (JSON.parse(`[${body}]`) as unknown[]).map((frame) => JSON.stringify(frame));
}

/** How a frame begins, as `encodeEntry` writes it: everything up to the first field that a client chose. */
const HEAD =
  /^\{"type":"(message|state)","offset":\d+,"time":\d+,"from":"([\w-]+)",(?:"user":"(?:[^"\\]|\\.)*",)?(?:"to":\["([\w",-]+)"\],)?"(?:event|set|delete)":/;

/** What a stored frame says of who may see it, read from its beginning alone. */
function headOf(text: string): Addressed {
  const [, type, from, to] = HEAD.exec(text) ?? [];
  // Anything that is not as expected is parsed: a message for few must not reach all.
  if (type === undefined || from === undefined) return JSON.parse(text) as Addressed;
  return {
    type: type === "state" ? type : "message",
    from,
    ...(to !== undefined && { to: to.split('","') }),
  };
}
