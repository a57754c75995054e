/**
 * What a room sends to a bridge: the reader's position after the frame, a newline, and the frame.
 *
 * JSON text contains no raw newline, so the first one ends the position. The bridge copies both without parsing.
 */
export interface BridgeFrame {
  readonly position: string;
  readonly text: string;
}

/** Writes a frame for a bridge. */
export function encodeBridgeFrame(position: string, text: string): string {
  return `${position}\n${text}`;
}

/** Reads a frame from a room. Returns `undefined` for text without a position, such as the platform's pong. */
export function decodeBridgeFrame(text: string): BridgeFrame | undefined {
  const newline = text.indexOf("\n");
  return newline === -1 ? undefined : { position: text.slice(0, newline), text: text.slice(newline + 1) };
}
