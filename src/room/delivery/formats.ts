import { encodeBridgeFrame } from "../../protocol/bridge-frames.ts";
import type { FormatName } from "../../protocol/contract.ts";
import { DIALECTS, type Dialect, type Written, type WrittenItems } from "../../protocol/dialects.ts";

/** Writes frames for one kind of connection, in its dialect and with its framing. */
export interface Format {
  /** Writes items, which are JSON text joined by commas, as one frame. The position is that after the frame. */
  write(items: string, isOne: boolean, position: string): Written;
  /** Writes the items that several connections share, followed by items for one of them. */
  append(shared: WrittenItems, own: readonly string[], position: string): Written;
}

/** The formats by name. Connections of the same format and view get the same frame, written once. */
export const FORMATS: Readonly<Record<FormatName, Format>> = {
  json: DIALECTS.json,
  bridge: framedForBridge(DIALECTS.json),
  proto: DIALECTS.proto,
};

/** Adds the position in front of each frame of a text dialect. */
function framedForBridge(dialect: Dialect): Format {
  return {
    write: (items, isOne, position) => encodeBridgeFrame(position, String(dialect.write(items, isOne))),
    append: (shared, own, position) => encodeBridgeFrame(position, String(dialect.append(shared, own))),
  };
}
