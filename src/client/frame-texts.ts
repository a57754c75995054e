import { MAX_EVENT_CHARS } from "../protocol/frames.ts";
import { MAX_JSON_DEPTH } from "../protocol/json.ts";
import { ParlorError } from "./error.ts";

/** A client frame as it travels. */
export interface FrameText {
  readonly text: string;
  /** Its size in UTF-8 bytes. */
  readonly bytes: number;
}

/**
 * Writes a value as JSON text; `undefined` becomes null.
 *
 * @throws ParlorError `bad_frame` for what JSON cannot carry
 */
export function jsonText(data: unknown): string {
  try {
    return JSON.stringify(data) ?? "null";
  } catch (error) {
    throw new ParlorError("bad_frame", `the data is not JSON: ${String(error)}`);
  }
}

/**
 * Writes a publish.
 *
 * @throws ParlorError `bad_frame`, as the server would refuse it
 */
export function publishText(
  event: string,
  data: unknown,
  rest: { readonly ref?: number; readonly volatile?: true; readonly key?: string | undefined },
): FrameText {
  checkName("event", event);
  if (rest.key !== undefined) checkName("key", rest.key);
  return frameText({ type: "publish", event, ...rest }, jsonText(data));
}

/**
 * Writes a change of the member's presence data.
 *
 * @throws ParlorError `bad_frame`, as the server would refuse it
 */
export function presenceText(ref: number, dataText: string): FrameText {
  return frameText({ type: "presence", ref }, dataText);
}

function frameText(head: object, dataText: string): FrameText {
  // Text that nests too deep is refused as a whole, without a ref. A frame is a level, and an array around it another.
  if (nestsDeeper(JSON.parse(dataText), MAX_JSON_DEPTH - 2)) {
    throw new ParlorError("bad_frame", `the data nests deeper than ${MAX_JSON_DEPTH - 2}`);
  }
  const text = `${JSON.stringify(head).slice(0, -1)},"data":${dataText}}`;
  return { text, bytes: new TextEncoder().encode(text).length };
}

function nestsDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => nestsDeeper(inner, levels - 1));
}

function checkName(what: string, name: string): void {
  if (typeof name === "string" && name.length > 0 && name.length <= MAX_EVENT_CHARS) return;
  throw new ParlorError("bad_frame", `${what} is a string of 1-${MAX_EVENT_CHARS} characters`);
}
