import type { ServerFrame } from "../../protocol/frames.ts";
import { SUBPROTOCOL } from "../../protocol/version.ts";
import { decodeServerText } from "./decode.ts";

/**
 * Encodes and decodes frames for a WebSocket. The client itself uses JSON text everywhere. A dialect converts that text just
 * before the socket.
 */
export interface Dialect {
  /** The subprotocols to offer, the best first. */
  readonly protocols: readonly string[];
  /** Encodes a frame, given as JSON text, for the subprotocol that the server chose. Never larger than the text. */
  write(text: string, protocol: string | undefined): string | Uint8Array<ArrayBuffer>;
  /** The size of a frame that is not sent as text, in bytes; absent, or `undefined`, for a text frame. */
  sizeOf?(text: string, protocol: string | undefined): number | undefined;
  /** Decodes a message of the socket. Never throws: data without a frame becomes an error frame. */
  read(data: unknown): readonly ServerFrame[];
}

/** The default dialect: JSON text. */
export const JSON_DIALECT: Dialect = {
  protocols: [SUBPROTOCOL],
  write: (text) => text,
  read: (data) => decodeServerText(String(data)),
};
