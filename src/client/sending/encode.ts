import type { AppTypes, StateKey } from "../../protocol/app-types.ts";
import { toBase64 } from "../../protocol/base64.ts";
import { bytesOf } from "../../protocol/bytes.ts";
import { MAX_NAME_CHARS } from "../../protocol/frames.ts";
import { isPlain, jsonText } from "../../protocol/json-text.ts";
import { MAX_JSON_DEPTH } from "../../protocol/json.ts";
import { ParlorError } from "../error.ts";
import type { WaitOptions } from "./waiting.ts";

/** The options of a change of the shared state. */
export interface SetOptions<App extends AppTypes = AppTypes> extends WaitOptions {
  /** Keys to delete in the same step. */
  readonly delete?: readonly StateKey<App>[] | undefined;
  /**
   * The versions that keys must have, from {@link SharedValue.version}; 0, or `undefined`, for a key that must be absent. If a
   * version differs, nothing changes. These may be other keys than the ones that are set.
   *
   * @default no key is compared
   */
  readonly if?: { readonly [Key in StateKey<App>]?: number | undefined } | undefined;
  /** Whether the set keys belong to this member, and are deleted when it leaves. @default false */
  readonly own?: boolean | undefined;
}

/** A client frame as JSON text. An act has no `ref` yet: it gets one when it is first sent ({@link withRef}). */
export interface EncodedFrame {
  readonly text: string;
  /** Its size in UTF-8 bytes. */
  readonly bytes: number;
}

/** The frame of an act with its `ref`. */
export function withRef({ text, bytes }: EncodedFrame, ref: number): EncodedFrame {
  const field = `"ref":${ref},`;
  return { text: `{${field}${text.slice(1)}`, bytes: bytes + field.length };
}

/**
 * Writes a value as JSON text; `undefined` becomes null.
 *
 * @throws ParlorError `bad_frame` for a value that JSON cannot represent
 */
export function encodeData(data: unknown): string {
  return orBadFrame(() => jsonText(data));
}

/**
 * Writes a publish. A buffer, or a view of one, is sent as raw bytes.
 *
 * @throws ParlorError `bad_frame` for a frame that the server would reject
 */
export function encodePublish(
  event: string,
  data: unknown,
  rest: {
    readonly volatile?: true;
    readonly key?: string | undefined;
    readonly to?: readonly string[] | undefined;
  },
): EncodedFrame {
  checkName("event", event);
  if (rest.key !== undefined) checkName("key", rest.key);
  const bytes = orBadFrame(() => bytesOf(data));
  const payload = bytes === undefined ? `"data":${encodeData(data)}` : `"bytes":"${toBase64(bytes)}"`;
  return encodeFrame({ type: "publish", event, ...rest }, payload);
}

/**
 * Writes a change of the shared state. Keys and versions are not checked, because the server rejects them with the act's ref.
 *
 * @throws ParlorError `bad_frame` for values that JSON cannot represent, or that nest too deeply
 */
export function encodeSet(values: object, options: SetOptions): EncodedFrame {
  const { delete: deleted, if: versions = {}, own } = options;
  // JSON would omit an undefined version, and the key would not be compared.
  const fields = `"set":${encodeObject(values, null)},"if":${encodeObject(versions, 0)}`;
  return encodeFrame({ type: "set", delete: deleted, own }, fields);
}

/**
 * Writes a change of the member's presence data.
 *
 * @throws ParlorError `bad_frame` for a frame that the server would reject
 */
export function encodePresence(text: string): EncodedFrame {
  return encodeFrame({ type: "presence" }, `"data":${text}`);
}

function encodeFrame(head: object, fields: string): EncodedFrame {
  const text = `${JSON.stringify(head).slice(0, -1)},${fields}}`;
  // The server rejects text that nests too deeply as a whole frame, without a ref. An array around the frame adds a level.
  if (nestsDeeper(JSON.parse(text), MAX_JSON_DEPTH - 1)) {
    throw badFrame(`the data nests deeper than the limit of ${MAX_JSON_DEPTH - 1} levels; send flatter data`);
  }
  return { text, bytes: utf8Length(text) };
}

/** Writes values by name as a JSON object. `absent` replaces undefined values. */
function encodeObject(values: object, absent: unknown): string {
  if (!isPlain(values)) throw badFrame("values and if must be plain objects with one field for each key");
  const fields = Object.entries(values).map(
    ([name, value]) => `${JSON.stringify(name)}:${encodeData(value ?? absent)}`,
  );
  return `{${fields.join(",")}}`;
}

function orBadFrame<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw badFrame(`the data cannot be sent: ${String(error)}`);
  }
}

function nestsDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => nestsDeeper(inner, levels - 1));
}

function checkName(what: string, name: string): void {
  if (typeof name === "string" && name.length > 0 && name.length <= MAX_NAME_CHARS) return;
  const value = JSON.stringify(name)?.slice(0, 64);
  throw badFrame(`${what} is ${value}, must be a string of 1-${MAX_NAME_CHARS} characters`);
}

function badFrame(message: string): ParlorError {
  return new ParlorError("bad_frame", message);
}

/** The length of a text in UTF-8 bytes. A shorter function than the server's, which is faster. */
export function utf8Length(text: string): number {
  // With the flag u, a pair of surrogates is one match of length 2. A lone one is sent as U+FFFD, which has 3 bytes.
  return text.replace(/[^\0-\x7f]/gu, (char) => (char < "\u0800" ? "12" : char.length > 1 ? "1234" : "123"))
    .length;
}
