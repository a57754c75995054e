import { encodeBridgeFrame } from "../../protocol/bridge-frames.ts";
import type { FormatName } from "../../protocol/contract.ts";
import { DIALECTS, type Dialect, type Written, type WrittenItems } from "../../protocol/dialects.ts";

/** How one kind of connection is written to: in a dialect, with the framing that its reader needs. */
export interface Format {
  /** Writes items, JSON text joined by commas, as a frame that brings its reader to a position. */
  write(items: string, isOne: boolean, position: string): Written;
  /** Writes what several connections are sent, and behind it items for one of them. */
  append(shared: WrittenItems, own: readonly string[], position: string): Written;
}

/** The formats by name. Connections of the same format and view get the same frame, written once. */
export const FORMATS: Readonly<Record<FormatName, Format>> = {
  json: DIALECTS.json,
  bridge: framedForBridge(DIALECTS.json),
  proto: DIALECTS.proto,
};

/** Puts the position before each frame of a text dialect. */
function framedForBridge(dialect: Dialect): Format {
  return {
    write: (items, isOne, position) => encodeBridgeFrame(position, String(dialect.write(items, isOne))),
    append: (shared, own, position) => encodeBridgeFrame(position, String(dialect.append(shared, own))),
  };
}
