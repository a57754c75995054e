import type { ServerFrame } from "../../protocol/frames.ts";
import { SUBPROTOCOL } from "../../protocol/version.ts";
import { decodeServerText } from "./decode.ts";

/**
 * How frames are written and read over WebSocket. The client itself speaks JSON everywhere: another dialect stands
 * between it and the socket.
 */
export interface Dialect {
  /** The subprotocols to offer, the best first. */
  readonly protocols: readonly string[];
  /** Writes a frame, which is JSON text, in what the server chose; never as more bytes than that has. */
  write(text: string, protocol: string | undefined): string | Uint8Array<ArrayBuffer>;
  /** The bytes of a frame that is not written as text; absent, or `undefined`, for a text frame. */
  sizeOf?(text: string, protocol: string | undefined): number | undefined;
  /** Reads a message of the socket. Total: what holds no frame yields an error frame. */
  read(data: unknown): readonly ServerFrame[];
}

/** JSON, as the server speaks it to who asks for nothing else. */
export const JSON_DIALECT: Dialect = {
  protocols: [SUBPROTOCOL],
  write: (text) => text,
  read: (data) => decodeServerText(String(data)),
};
