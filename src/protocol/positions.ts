/** A place in a room's log: which log (`epoch`), and the last offset seen in it (0 before the first). */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/** Why a position cannot be continued from: the `reason` beside `recovered: false`. */
export type UnrecoveredReason = "trimmed" | "epoch" | "ahead" | "malformed" | "forbidden";

const POSITION = /^([A-Za-z0-9_-]{1,32}):(0|[1-9][0-9]{0,15})$/;

/** Writes a position as it travels: `<epoch>:<offset>`. */
export function formatPosition(position: Position): string {
  return `${position.epoch}:${position.offset}`;
}

/** Reads a position from a client; `undefined` for what is not one. */
export function parsePosition(text: string): Position | undefined {
  const match = POSITION.exec(text);
  if (match?.[1] === undefined) return undefined;
  const offset = Number(match[2]);
  return Number.isSafeInteger(offset) ? { epoch: match[1], offset } : undefined;
}
