import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { toBase64 } from "../base64.ts";
import { decodeItem, isRef, miscountOf, type DecodedItems } from "../decode.ts";
import type { ClientFrame } from "../frames.ts";
import {
  ClientFrameSchema,
  ClientItemSchema,
  type ClientItem,
  type Publish,
} from "../generated/parlor_pb.ts";
import { MAX_JSON_DEPTH, parseJson } from "../json.ts";
import { lostMessage, lostNumber, newSuspects, type Suspects } from "../numbers.ts";
import { err, ok, type Result } from "../result.ts";

/** How deep the JSON in a field may nest. A value of a `set` is two levels down in the equivalent JSON frame. */
const MAX_FIELD_DEPTH = MAX_JSON_DEPTH - 2;

/**
 * Reads a client's frame of the binary dialect. Never throws, like {@link decodeClientText}, and applies the same rules: it
 * converts each item to its JSON form and decodes that.
 */
export function decodeClientBytes(bytes: Uint8Array): Result<DecodedItems> {
  try {
    const items: ClientItem[] = [];
    for (const item of itemsOf(bytes)) {
      // Checked before decoding: an empty item costs two bytes to send, and much more to decode.
      const miscount = miscountOf(items.length + 1);
      if (miscount !== undefined) return err(miscount);
      items.push(fromBinary(ClientItemSchema, item, { readUnknownFields: false }));
    }
    const miscount = miscountOf(items.length);
    if (miscount !== undefined) return err(miscount);
    const suspects = newSuspects();
    return ok(items.map((item) => decodeOne(item, suspects)));
  } catch {
    return err({ code: "bad_frame", message: "the binary frame is not a valid ClientFrame of parlor.proto" });
  }
}

/**
 * The encoded items of a frame. Only these are decoded, each from its own bytes. The library's decoder of a whole frame
 * ignores wire types, so it can find other items in the same bytes than a reader that skips by wire type.
 *
 * @throws if the bytes are not a ClientFrame
 */
function* itemsOf(bytes: Uint8Array): Generator<Uint8Array> {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field !== ClientFrameSchema.field.items.number) reader.skip(wireType, field);
    else if (wireType === WireType.LengthDelimited) yield reader.bytes();
    else throw new SyntaxError(`an item has the wire type ${wireType}`);
  }
}

function decodeOne(item: ClientItem, suspects: Suspects): Result<ClientFrame> {
  const ref = numberOf(item.ref);
  try {
    return decodeItem({ ...fieldsOf(item, suspects), ...(ref !== undefined && { ref }) });
  } catch (error) {
    const message = error instanceof LostNumber ? error.message : BAD_FIELD;
    return err({ code: "bad_frame", message, ...(isRef(ref) && { ref }) });
  }
}

const BAD_FIELD = `a field is not valid JSON, or nests deeper than ${MAX_FIELD_DEPTH}`;

/** Thrown for a field with a number that a double would change. */
class LostNumber extends Error {}

/** The fields of an item as in JSON. An item of an unknown type has none. */
function fieldsOf({ act }: ClientItem, suspects: Suspects): object {
  switch (act.case) {
    case "publish": {
      const { event, volatile, key, to } = act.value;
      return { type: "publish", event, ...payloadOf(act.value, suspects), volatile, key, to: to?.members };
    }
    case "set": {
      const { set, delete: deleted, if: versions, own } = act.value;
      return {
        ...{ type: "set", delete: deleted, own },
        // If a key occurs twice, the last one counts, as in JSON.
        set: Object.fromEntries(set.map(({ key, json }) => [key, valueOf(json, suspects)])),
        if: Object.fromEntries(versions.map(({ key, version }) => [key, Number(version)])),
      };
    }
    case "presence":
      return { type: "presence", data: valueOf(act.value.json, suspects) };
    case "history": {
      const { after, before, since, until, limit } = act.value;
      const bounds = { after: numberOf(after), before: numberOf(before) };
      return { type: "history", ...bounds, since: numberOf(since), until: numberOf(until), limit };
    }
    case "seen":
      return { type: "seen", chars: Number(act.value.bytes) };
    case "auth":
      return { type: "auth", token: act.value.token };
    case "leave":
      return { type: "leave" };
    case undefined:
      return { type: "" };
    default:
      return act satisfies never;
  }
}

function payloadOf({ payload }: Publish, suspects: Suspects): object {
  switch (payload.case) {
    case "json":
      return { data: valueOf(payload.value, suspects) };
    case "raw":
      return { bytes: toBase64(payload.value) };
    case undefined:
      return {};
    default:
      return payload satisfies never;
  }
}

/** @throws if the text is not JSON, or has a number that a double would change; its item is then rejected */
function valueOf(json: string, suspects: Suspects): unknown {
  const value = parseJson(json, MAX_FIELD_DEPTH);
  if (value === undefined) throw new SyntaxError("not JSON");
  const lost = lostNumber(json, suspects);
  if (lost !== undefined) throw new LostNumber(lostMessage(lost));
  return value;
}

function numberOf(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}
