import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { fromBase64 } from "../base64.ts";
import { ClientFrameSchema, type ClientItemSchema } from "../generated/parlor_pb.ts";
import type { JsonObject } from "../json.ts";

type Act = NonNullable<MessageInitShape<typeof ClientItemSchema>["act"]>;

/**
 * Writes a client's frames, given in their JSON form, as one frame of the binary dialect. They must follow the rules of
 * sections 5 to 7. Anything else is lost or throws.
 */
export function encodeClientFrames(frames: readonly JsonObject[]): Uint8Array<ArrayBuffer> {
  const items = frames.map((frame) => {
    const ref = numberOf(frame["ref"]);
    const act = actOf(frame);
    return { ...(ref !== undefined && { ref }), ...(act !== undefined && { act }) };
  });
  return toBinary(ClientFrameSchema, create(ClientFrameSchema, { items }));
}

function actOf(frame: JsonObject): Act | undefined {
  switch (frame["type"]) {
    case "publish": {
      const {
        event,
        data,
        bytes,
        volatile = false,
        key,
        to,
      } = frame as {
        event: string;
        data?: unknown;
        bytes?: string;
        volatile?: boolean;
        key?: string;
        to?: readonly string[];
      };
      const value = {
        event,
        payload:
          bytes === undefined
            ? { case: "json" as const, value: JSON.stringify(data ?? null) }
            : { case: "raw" as const, value: fromBase64(bytes) },
        volatile,
        ...(key !== undefined && { key }),
        ...(to !== undefined && { to: { members: [...to] } }),
      };
      return { case: "publish", value };
    }
    case "set": {
      const {
        set = {},
        delete: deleted = [],
        if: versions = {},
        own = false,
      } = frame as {
        set?: object;
        delete?: readonly string[];
        if?: Readonly<Record<string, number>>;
        own?: boolean;
      };
      const value = {
        set: Object.entries(set).map(([key, value]) => ({ key, json: JSON.stringify(value) })),
        delete: [...deleted],
        if: Object.entries(versions).map(([key, version]) => ({ key, version: BigInt(version) })),
        own,
      };
      return { case: "set", value };
    }
    case "presence":
      return { case: "presence", value: { json: JSON.stringify(frame["data"] ?? null) } };
    case "history": {
      const bounds = (["after", "before", "since", "until"] as const).flatMap((name) => {
        const bound = numberOf(frame[name]);
        return bound === undefined ? [] : [[name, bound]];
      });
      const limit = frame["limit"] === undefined ? {} : { limit: Number(frame["limit"]) };
      return { case: "history", value: { ...Object.fromEntries(bounds), ...limit } };
    }
    case "seen":
      return { case: "seen", value: { bytes: BigInt(Number(frame["chars"])) } };
    case "auth":
      return { case: "auth", value: { token: String(frame["token"]) } };
    case "leave":
      return { case: "leave", value: {} };
    default:
      return undefined;
  }
}

function numberOf(value: unknown): bigint | undefined {
  return value === undefined ? undefined : BigInt(Number(value));
}
