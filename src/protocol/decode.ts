import { isBase64 } from "./base64.ts";
import { defined } from "./defined.ts";
import { type ErrorCode, type WireError } from "./errors.ts";
import {
  HISTORY_LIMIT,
  MAX_ADDRESSEES,
  MAX_ITEMS,
  MAX_NAME_CHARS,
  MAX_SET_KEYS,
  type ClientFrame,
} from "./frames.ts";
import { isMemberId } from "./ids.ts";
import { isJsonObject, parseJson, type Json, type JsonObject } from "./json.ts";
import { lostByItem } from "./numbers.ts";
import { err, ok, type Result } from "./result.ts";
import { shown } from "./shown.ts";

/** The items of a frame, each decoded or rejected independently. */
export type DecodedItems = readonly Result<ClientFrame>[];

/**
 * Parses one text frame or POST body. Never throws: any string yields items or an error.
 *
 * The caller checks the size before parsing.
 */
export function decodeClientText(text: string): Result<DecodedItems> {
  const parsed = parseJson(text);
  if (Array.isArray(parsed)) {
    const miscount = miscountOf(parsed.length);
    if (miscount !== undefined) return err(miscount);
  } else if (!isJsonObject(parsed)) return err({ code: "bad_frame" });
  const items = Array.isArray(parsed) ? parsed : [parsed];
  const lost = lostByItem(text, items.length);
  if (lost.size === 0) return ok(items.map(decodeItem));
  return ok(items.map((item, index) => withoutLost(decodeItem(item), lost.get(index))));
}

/** An item, rejected if it has a number that a double cannot represent. */
function withoutLost(item: Result<ClientFrame>, why: string | undefined): Result<ClientFrame> {
  if (!item.ok || why === undefined) return item;
  return refuse("bad_frame", why, "ref" in item.value ? item.value.ref : undefined);
}

/** The error for a frame with this number of messages; `undefined` if the number is allowed. */
export function miscountOf(items: number): WireError | undefined {
  if (items === 0) return { code: "bad_frame", message: "the frame is an empty array; send 1-64 messages" };
  return items > MAX_ITEMS ? { code: "too_many_items" } : undefined;
}

/** Reads one message of either dialect, given as the object that it is in JSON. Never throws. */
export function decodeItem(item: unknown): Result<ClientFrame> {
  if (!isJsonObject(item))
    return err({
      code: "bad_frame",
      message: `the message is ${shown(item)}, must be an object with a type`,
    });
  const { type, ref } = item;
  if (ref !== undefined && !isRef(ref)) {
    return refuse("bad_frame", wrong("ref", ref, "a whole number from 1 to 2^53 - 1"), undefined);
  }
  switch (type) {
    case "publish":
      return decodePublish(item, ref);
    case "set":
      return decodeSet(item, ref);
    case "seen":
      return isCount(item["chars"])
        ? ok({ type, chars: item["chars"] })
        : refuse("bad_frame", wrong("chars", item["chars"], "a whole number, 0 or more"), ref);
    case "presence":
      return ok({ type, data: jsonOf(item["data"]), ...(ref !== undefined && { ref }) });
    case "history":
      return decodeHistory(item, ref);
    case "auth":
      return typeof item["token"] === "string"
        ? ok(defined({ type, token: item["token"], ref }))
        : refuse("bad_frame", "token must be a string", ref); // its value may be a secret
    case "leave":
      return ok(defined({ type, ref }));
    default:
      return refuse("unknown_type", unknownType(type), ref);
  }
}

function decodePublish(item: JsonObject, ref: number | undefined): Result<ClientFrame> {
  const { event, data, bytes, volatile = false, key, to } = item;
  if (!isName(event)) return refuse("bad_frame", wrongName("event", event), ref);
  if (bytes !== undefined) {
    if (data !== undefined)
      return refuse("bad_frame", "the message has data and bytes; send one of them", ref);
    if (typeof bytes !== "string" || !isBase64(bytes)) {
      return refuse("bad_frame", wrong("bytes", bytes, "base64 (the standard alphabet, with padding)"), ref);
    }
  }
  if (typeof volatile !== "boolean") {
    return refuse("bad_frame", wrong("volatile", volatile, "true or false"), ref);
  }
  if (key !== undefined && !isName(key)) return refuse("bad_frame", wrongName("key", key), ref);
  // Never ignored, because a message for some members must not reach all.
  if (to !== undefined && !isAddressees(to)) {
    return refuse("bad_frame", wrong("to", to, `an array of 1-${MAX_ADDRESSEES} member ids`), ref);
  }
  if (volatile && ref !== undefined) {
    return refuse("bad_frame", "a volatile message cannot have a ref; leave one of them out", ref);
  }
  return ok({
    type: "publish",
    event,
    data: jsonOf(data),
    ...(bytes !== undefined && { bytes }),
    volatile,
    ...(volatile && key !== undefined && { key }),
    ...(to !== undefined && { to: [...new Set(to)] }),
    ...(ref !== undefined && { ref }),
  });
}

function decodeSet(item: JsonObject, ref: number | undefined): Result<ClientFrame> {
  const { set = {}, delete: deleted = [], if: versions = {}, own = false } = item;
  const bad = (message: string): Result<ClientFrame> => refuse("bad_frame", message, ref);
  if (!isJsonObject(set)) return bad(wrong("set", set, "an object"));
  if (!isJsonObject(versions)) return bad(wrong("if", versions, "an object"));
  if (!Array.isArray(deleted) || !deleted.every(isName)) {
    return bad(wrong("delete", deleted, `an array of keys of 1-${MAX_NAME_CHARS} characters`));
  }
  if (typeof own !== "boolean") return bad(wrong("own", own, "true or false"));
  const [values, expected] = [Object.entries(set), Object.entries(versions)];
  const [odd] = [...values, ...expected].find(([key]) => !isName(key)) ?? [];
  if (odd !== undefined) return bad(wrongName("key", odd));
  const changed = new Set([...values.map(([key]) => key), ...deleted]);
  if (changed.size === 0) return bad("set or delete must name a key");
  if (changed.size < values.length + deleted.length) {
    return bad("set and delete name a key twice; name each key once");
  }
  const most = Math.max(changed.size, expected.length);
  if (most > MAX_SET_KEYS)
    return bad(`the act names ${most} keys, the limit is ${MAX_SET_KEYS}; send several acts`);
  const isVersion = (entry: [string, unknown]): entry is [string, number] => isCount(entry[1]);
  if (!expected.every(isVersion)) {
    const [key, version] = expected.find((entry) => !isVersion(entry)) ?? [];
    return bad(
      `if: the version of ${shown(key)} is ${shown(version)}, must be an offset, or 0 for an absent key`,
    );
  }
  return ok({
    type: "set",
    set: new Map(values.map(([key, value]) => [key, jsonOf(value)])),
    delete: deleted,
    if: new Map(expected),
    own,
    ...(ref !== undefined && { ref }),
  });
}

function decodeHistory(item: JsonObject, ref: number | undefined): Result<ClientFrame> {
  const { after, before, since, until, limit = HISTORY_LIMIT.default } = item;
  const isBound = (bound: unknown): bound is number | undefined => bound === undefined || isCount(bound);
  const bad = (name: string, value: unknown, must: string): Result<ClientFrame> =>
    refuse("bad_frame", wrong(name, value, must), ref);
  if (!isBound(after)) return bad("after", after, "an offset");
  if (!isBound(before)) return bad("before", before, "an offset");
  if (!isBound(since)) return bad("since", since, "a time in Unix milliseconds");
  if (!isBound(until)) return bad("until", until, "a time in Unix milliseconds");
  if (!isCount(limit) || limit < 1 || limit > HISTORY_LIMIT.max) {
    return bad("limit", limit, `a whole number from 1 to ${HISTORY_LIMIT.max}`);
  }
  return ok(defined({ type: "history", limit, after, before, since, until, ref }));
}

/** The result of `JSON.parse` is JSON. An absent value is null. */
function jsonOf(value: unknown): Json {
  return value === undefined ? null : (value as Json);
}

/** Whether a value can be a ref. */
export function isRef(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

function isAddressees(value: unknown): value is readonly string[] {
  const isOne = (id: unknown): boolean => typeof id === "string" && isMemberId(id);
  return Array.isArray(value) && value.length > 0 && value.length <= MAX_ADDRESSEES && value.every(isOne);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= MAX_NAME_CHARS;
}

/** The message for a field with a wrong value. */
function wrong(field: string, value: unknown, must: string): string {
  return value === undefined
    ? `${field} is missing, must be ${must}`
    : `${field} is ${shown(value)}, must be ${must}`;
}

/** The message for an event or a key that is not a name. */
function wrongName(field: string, value: unknown): string {
  if (typeof value === "string" && value.length > MAX_NAME_CHARS) {
    return `${field} is ${value.length} characters, the limit is ${MAX_NAME_CHARS}`;
  }
  return wrong(field, value, `a string of 1-${MAX_NAME_CHARS} characters`);
}

function unknownType(type: unknown): string {
  const problem =
    type === undefined || type === ""
      ? "the message has no known type"
      : `the type ${shown(type)} is unknown`;
  return `${problem}; the types are publish, set, presence, history, seen, auth and leave`;
}

function refuse(code: ErrorCode, message: string | undefined, ref: number | undefined): Result<ClientFrame> {
  return err(defined({ code, message, ref }));
}
