import { bytesOf } from "../protocol/bytes.ts";
import { utf8Length, type JsonObject } from "../protocol/json.ts";
import { lostNumber } from "../protocol/numbers.ts";
import { encodeClientFrames } from "../protocol/proto/client-encode.ts";
import { decodeServerFrames } from "../protocol/proto/server-decode.ts";
import { PROTO_SUBPROTOCOL, SUBPROTOCOL } from "../protocol/version.ts";
import type { Dialect } from "./transports/dialect.ts";
import { NO_FRAME, decodeServerText } from "./transports/decode.ts";

/**
 * The binary dialect, for `joinRoom(url, { dialect: proto })`. Frames are smaller, and raw bytes are not encoded in base64.
 * Over SSE and long-poll the client still uses JSON. This file is a separate entry, so that only pages that use it load it.
 */
export const proto: Dialect = {
  // An older server, or one that was rolled back, does not support the dialect and chooses JSON.
  protocols: [PROTO_SUBPROTOCOL, SUBPROTOCOL],
  write: (text, protocol) => {
    if (protocol === SUBPROTOCOL) return text;
    // JSON.rawJSON can write numbers that a double cannot represent. They would be changed here. The room rejects them.
    if (lostNumber(text) !== undefined) return text;
    const bytes = encode(text);
    // Very many short keys are slightly larger in binary than in JSON. The room accepts text as well.
    return bytes.length > utf8Length(text) ? text : bytes;
  },
  sizeOf: (text, protocol) => (protocol === SUBPROTOCOL ? undefined : encode(text).length),
  read: (data) => {
    const bytes = bytesOf(data);
    if (bytes === undefined) return decodeServerText(String(data));
    try {
      return decodeServerFrames(bytes);
    } catch {
      return NO_FRAME;
    }
  },
};

function encode(text: string): Uint8Array<ArrayBuffer> {
  const parsed = JSON.parse(text) as JsonObject | JsonObject[];
  return encodeClientFrames(Array.isArray(parsed) ? parsed : [parsed]);
}
