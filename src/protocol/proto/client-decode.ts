import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { toBase64 } from "../base64.ts";
import { decodeItem, isRef, miscountOf, type DecodedItems } from "../decode.ts";
import { MAX_ITEMS, type ClientFrame } from "../frames.ts";
import { ClientFrameSchema, type ClientItem, type Publish } from "../generated/parlor_pb.ts";
import { MAX_JSON_DEPTH, parseJson } from "../json.ts";
import { err, ok, type Result } from "../result.ts";

/** How deep the JSON in a field may nest: where it is deepest, in a `set`, it is two levels down in a frame of JSON. */
const MAX_FIELD_DEPTH = MAX_JSON_DEPTH - 2;

/**
 * Reads a client's frame of the binary dialect. Total, as {@link decodeClientText} is, and with the same rules: each item
 * is brought into the form that JSON gives it, and judged there.
 */
export function decodeClientBytes(bytes: Uint8Array): Result<DecodedItems> {
  try {
    // Counted first: tens of thousands of empty items cost two bytes each to send, and much more to read.
    const miscount = miscountOf(countItems(bytes));
    if (miscount !== undefined) return err(miscount);
    return ok(fromBinary(ClientFrameSchema, bytes).items.map(decodeOne));
  } catch {
    return err({ code: "bad_frame", message: "the frame is no ClientFrame of parlor.proto" });
  }
}

/** How many items a frame holds, as far as it may hold them. */
function countItems(bytes: Uint8Array): number {
  const reader = new BinaryReader(bytes);
  let count = 0;
  while (reader.pos < reader.len && count <= MAX_ITEMS) {
    const [field, wireType] = reader.tag();
    if (field === ClientFrameSchema.field.items.number) count++;
    reader.skip(wireType, field);
  }
  return count;
}

function decodeOne(item: ClientItem): Result<ClientFrame> {
  const ref = numberOf(item.ref);
  try {
    return decodeItem({ ...fieldsOf(item), ...(ref !== undefined && { ref }) });
  } catch {
    const message = `JSON in a field is none, or nests deeper than ${MAX_FIELD_DEPTH}`;
    return err({ code: "bad_frame", message, ...(isRef(ref) && { ref }) });
  }
}

/** An item's fields as JSON has them; those of an unknown type are none. */
function fieldsOf({ act }: ClientItem): object {
  switch (act.case) {
    case "publish": {
      const { event, volatile, key, to } = act.value;
      return { type: "publish", event, ...payloadOf(act.value), volatile, key, to: to?.members };
    }
    case "set": {
      const { set, delete: deleted, if: versions, own } = act.value;
      return {
        ...{ type: "set", delete: deleted, own },
        // Of a key that comes twice the last counts, as in JSON.
        set: Object.fromEntries(set.map(({ key, json }) => [key, valueOf(json)])),
        if: Object.fromEntries(versions.map(({ key, version }) => [key, Number(version)])),
      };
    }
    case "presence":
      return { type: "presence", data: valueOf(act.value.json) };
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

function payloadOf({ payload }: Publish): object {
  switch (payload.case) {
    case "json":
      return { data: valueOf(payload.value) };
    case "raw":
      return { bytes: toBase64(payload.value) };
    case undefined:
      return {};
    default:
      return payload satisfies never;
  }
}

/** @throws for what is no JSON; its item is then refused */
function valueOf(json: string): unknown {
  const value = parseJson(json, MAX_FIELD_DEPTH);
  if (value === undefined) throw new SyntaxError("no JSON");
  return value;
}

function numberOf(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}
