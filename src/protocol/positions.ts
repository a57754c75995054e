/** A place in a room's log: the log (`epoch`), and the offset of the last message received from it (0 before the first). */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/** Why the room cannot continue from a position: the `reason` beside `recovered: false`. */
export type UnrecoveredReason = "trimmed" | "epoch" | "ahead" | "malformed" | "forbidden";

const POSITION = /^([A-Za-z0-9_-]{1,32}):(0|[1-9][0-9]{0,15})$/;

/** Writes a position as `<epoch>:<offset>`. */
export function formatPosition(position: Position): string {
  return `${position.epoch}:${position.offset}`;
}

/** Reads a position from a client. Returns `undefined` for malformed text. */
export function parsePosition(text: string): Position | undefined {
  const match = POSITION.exec(text);
  if (match?.[1] === undefined) return undefined;
  const offset = Number(match[2]);
  return Number.isSafeInteger(offset) ? { epoch: match[1], offset } : undefined;
}
