import { isBase64 } from "./base64.ts";
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

/** What a text frame holds: its items, each decoded or refused for itself. */
export type DecodedItems = readonly Result<ClientFrame>[];

/**
 * Parses one text frame or POST body. Total: any string yields items or an error, never a throw.
 *
 * Size is not checked here: the caller has refused what is larger than its limit before parsing.
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

/** A message, rejected if it has a number that a double cannot represent. */
function withoutLost(item: Result<ClientFrame>, why: string | undefined): Result<ClientFrame> {
  if (!item.ok || why === undefined) return item;
  return refuse("bad_frame", why, "ref" in item.value ? item.value.ref : undefined);
}

/** Why a frame cannot hold so many messages. */
export function miscountOf(items: number): WireError | undefined {
  if (items === 0) return { code: "bad_frame", message: "the frame holds no messages" };
  return items > MAX_ITEMS ? { code: "too_many_items" } : undefined;
}

/** Reads one message, whatever dialect it came in: an object as JSON has it. Total. */
export function decodeItem(item: unknown): Result<ClientFrame> {
  if (!isJsonObject(item)) return err({ code: "bad_frame", message: "a message is a JSON object" });
  const { type, ref } = item;
  if (ref !== undefined && !isRef(ref)) return refuse("bad_frame", "ref is a positive integer", undefined);
  switch (type) {
    case "publish":
      return decodePublish(item, ref);
    case "set":
      return decodeSet(item, ref);
    case "seen":
      return isCount(item["chars"])
        ? ok({ type, chars: item["chars"] })
        : refuse("bad_frame", "chars is a number of characters", ref);
    case "presence":
      return ok({ type, data: jsonOf(item["data"]), ...(ref !== undefined && { ref }) });
    case "history":
      return decodeHistory(item, ref);
    case "auth":
      return typeof item["token"] === "string"
        ? ok({ type, token: item["token"], ...(ref !== undefined && { ref }) })
        : refuse("bad_frame", "token is a text", ref);
    case "leave":
      return ok({ type, ...(ref !== undefined && { ref }) });
    default:
      return refuse("unknown_type", typeof type === "string" ? undefined : "a message has a type", ref);
  }
}

function decodePublish(item: JsonObject, ref: number | undefined): Result<ClientFrame> {
  const { event, data, bytes, volatile = false, key, to } = item;
  if (!isName(event)) return refuse("bad_frame", `event is a string of 1-${MAX_NAME_CHARS} characters`, ref);
  if (bytes !== undefined) {
    if (data !== undefined) return refuse("bad_frame", "a message has data or bytes", ref);
    if (typeof bytes !== "string" || !isBase64(bytes)) {
      return refuse("bad_frame", "bytes is base64 of the standard alphabet, with padding", ref);
    }
  }
  if (typeof volatile !== "boolean") return refuse("bad_frame", "volatile is true or false", ref);
  if (key !== undefined && !isName(key)) {
    return refuse("bad_frame", `key is a string of 1-${MAX_NAME_CHARS} characters`, ref);
  }
  // Never ignored: a message meant for few must not reach all.
  if (to !== undefined && !isAddressees(to)) {
    return refuse("bad_frame", `to is an array of 1-${MAX_ADDRESSEES} ids of members`, ref);
  }
  if (volatile && ref !== undefined) return refuse("bad_frame", "a volatile message has no ref", ref);
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
  if (!isJsonObject(set) || !isJsonObject(versions)) return bad("set and if are objects");
  if (!Array.isArray(deleted) || !deleted.every(isName)) return bad("delete is an array of keys");
  if (typeof own !== "boolean") return bad("own is true or false");
  const [values, expected] = [Object.entries(set), Object.entries(versions)];
  if (![...values, ...expected].every(([key]) => isName(key))) {
    return bad(`a key must be a string of 1-${MAX_NAME_CHARS} characters`);
  }
  const changed = new Set([...values.map(([key]) => key), ...deleted]);
  if (changed.size === 0) return bad("set or delete must name a key");
  if (changed.size < values.length + deleted.length) return bad("a key can be set or deleted only once");
  if (changed.size > MAX_SET_KEYS || expected.length > MAX_SET_KEYS) {
    return bad(`an act names at most ${MAX_SET_KEYS} keys`);
  }
  const isVersion = (entry: [string, unknown]): entry is [string, number] => isCount(entry[1]);
  if (!expected.every(isVersion)) return bad("a version is an offset, or 0 for a key that is absent");
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
  if (!isBound(after) || !isBound(before)) return refuse("bad_frame", "after and before are offsets", ref);
  if (!isBound(since) || !isBound(until)) {
    return refuse("bad_frame", "since and until are times in Unix milliseconds", ref);
  }
  if (!isCount(limit) || limit < 1 || limit > HISTORY_LIMIT.max) {
    return refuse("bad_frame", `limit is 1 to ${HISTORY_LIMIT.max}`, ref);
  }
  return ok({
    type: "history",
    limit,
    ...(after !== undefined && { after }),
    ...(before !== undefined && { before }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...(ref !== undefined && { ref }),
  });
}

/** What `JSON.parse` made is JSON; an absent value is null. */
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

function refuse(code: ErrorCode, message: string | undefined, ref: number | undefined): Result<ClientFrame> {
  const error: WireError = {
    code,
    ...(message !== undefined && { message }),
    ...(ref !== undefined && { ref }),
  };
  return err(error);
}
