import { env } from "cloudflare:workers";
import { decodeClientText } from "../../../src/protocol/decode.ts";
import type { JsonObject } from "../../../src/protocol/json.ts";
import { decodeClientBytes } from "../../../src/protocol/proto/client-decode.ts";
import { encodeClientFrames } from "../../../src/protocol/proto/client-encode.ts";
import { decodeServerFrames } from "../../../src/protocol/proto/server-decode.ts";
import { PROTO_SUBPROTOCOL, SUBPROTOCOL } from "../../../src/protocol/version.ts";

declare global {
  namespace Cloudflare {
    interface Env {
      /** The dialect of members over WebSocket if a test does not choose one (vitest.config.ts). */
      readonly TEST_DIALECT: "json" | "proto";
    }
  }
}

/** The subprotocols to offer instead of those that a test names. `parlor.v1` stands for the dialect of this run. */
export function offered(
  protocols: readonly string[] | undefined,
  dialect = env.TEST_DIALECT,
): readonly string[] | undefined {
  if (dialect === "json") return protocols;
  return (protocols ?? [SUBPROTOCOL]).map((name) => (name === SUBPROTOCOL ? PROTO_SUBPROTOCOL : name));
}

/** Whether a client with this subprotocol in its response uses the binary dialect. */
export function isBinary(protocol: string | null): boolean {
  return protocol === PROTO_SUBPROTOCOL;
}

/** Encodes a frame, or an array of frames, as a client with this subprotocol does. */
export function written(frame: object, protocol: string | null): string | ArrayBuffer {
  const text = JSON.stringify(frame);
  return isBinary(protocol) ? (sayable(text) ?? text) : text;
}

/** Decodes received data as frames in JSON text. */
export function readable(data: string | ArrayBuffer): string {
  if (typeof data === "string") return data;
  const frames = decodeServerFrames(new Uint8Array(data));
  return JSON.stringify(frames.length === 1 ? frames[0] : frames);
}

/**
 * Encodes a frame in binary if the schema can express it. A field with the wrong type, for example, cannot be
 * expressed.
 */
function sayable(text: string): ArrayBuffer | undefined {
  const parsed = JSON.parse(text) as JsonObject | JsonObject[];
  try {
    const bytes = encodeClientFrames(Array.isArray(parsed) ? parsed : [parsed]);
    return plain(decodeClientBytes(bytes)) === plain(decodeClientText(text)) ? bytes.buffer : undefined;
  } catch {
    return undefined;
  }
}

function plain(decoded: unknown): string {
  return JSON.stringify(decoded, (_key, value: unknown) => (value instanceof Map ? [...value] : value));
}
