import { type ErrorCode, type WireError } from "./errors.ts";
import { HISTORY_LIMIT, MAX_EVENT_CHARS, MAX_ITEMS, type ClientFrame } from "./frames.ts";
import { isJsonObject, parseJson, type Json, type JsonObject } from "./json.ts";
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
    if (parsed.length === 0) return err({ code: "bad_frame", message: "the array of messages is empty" });
    if (parsed.length > MAX_ITEMS) return err({ code: "too_many_items" });
    return ok(parsed.map(decodeItem));
  }
  if (!isJsonObject(parsed)) return err({ code: "bad_frame" });
  return ok([decodeItem(parsed)]);
}

function decodeItem(item: unknown): Result<ClientFrame> {
  if (!isJsonObject(item)) return err({ code: "bad_frame", message: "a message is a JSON object" });
  const { type, ref } = item;
  if (ref !== undefined && !isRef(ref)) return refuse("bad_frame", "ref is a positive integer", undefined);
  switch (type) {
    case "publish":
      return decodePublish(item, ref);
    case "presence":
      return ok({ type, data: jsonOf(item["data"]), ...(ref !== undefined && { ref }) });
    case "history":
      return decodeHistory(item, ref);
    case "leave":
      return ok({ type, ...(ref !== undefined && { ref }) });
    default:
      return refuse("unknown_type", typeof type === "string" ? undefined : "a message has a type", ref);
  }
}

function decodePublish(item: JsonObject, ref: number | undefined): Result<ClientFrame> {
  const { event, volatile = false, key, to } = item;
  if (!isName(event)) return refuse("bad_frame", `event is a string of 1-${MAX_EVENT_CHARS} characters`, ref);
  if (typeof volatile !== "boolean") return refuse("bad_frame", "volatile is true or false", ref);
  if (key !== undefined && !isName(key)) {
    return refuse("bad_frame", `key is a string of 1-${MAX_EVENT_CHARS} characters`, ref);
  }
  // Never ignored: a message meant for few must not reach all.
  if (to !== undefined) return refuse("bad_frame", "this server does not deliver to chosen members", ref);
  if (volatile && ref !== undefined) return refuse("bad_frame", "a volatile message has no ref", ref);
  return ok({
    type: "publish",
    event,
    data: jsonOf(item["data"]),
    volatile,
    ...(ref !== undefined && { ref }),
  });
}

function decodeHistory(item: JsonObject, ref: number | undefined): Result<ClientFrame> {
  const { after, before, limit = HISTORY_LIMIT.default } = item;
  if ((after !== undefined && !isOffset(after)) || (before !== undefined && !isOffset(before))) {
    return refuse("bad_frame", "after and before are offsets", ref);
  }
  if (!isOffset(limit) || limit < 1 || limit > HISTORY_LIMIT.max) {
    return refuse("bad_frame", `limit is 1 to ${HISTORY_LIMIT.max}`, ref);
  }
  return ok({
    type: "history",
    limit,
    ...(after !== undefined && { after }),
    ...(before !== undefined && { before }),
    ...(ref !== undefined && { ref }),
  });
}

/** What `JSON.parse` made is JSON; an absent value is null. */
function jsonOf(value: unknown): Json {
  return value === undefined ? null : (value as Json);
}

function isRef(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

function isOffset(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= MAX_EVENT_CHARS;
}

function refuse(code: ErrorCode, message: string | undefined, ref: number | undefined): Result<ClientFrame> {
  const error: WireError = {
    code,
    ...(message !== undefined && { message }),
    ...(ref !== undefined && { ref }),
  };
  return err(error);
}
