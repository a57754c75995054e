import { encodeBridgeFrame } from "../../../src/protocol/bridge-frames.ts";
import type { MessageFrame, PongFrame, ServerFrame, StateFrame } from "../../../src/protocol/frames.ts";
import { inRoom } from "../support/rooms.ts";
import type { StateChange } from "./shared.ts";

/** Something that a client wants recorded, and its offset once it is stored. */
export interface Recorded {
  /** The member's id. */
  readonly from: string;
  /** The content of its frame, see {@link textOf}. No two are equal, except those at the end of a membership. */
  readonly text: string;
  /** Its addressees besides the sender; absent for everyone. */
  readonly to?: readonly string[] | undefined;
  /** Its change of the shared state; absent for a message. */
  readonly change?: StateChange;
  /** Set on frames that nobody requested: the deletion of a member's own keys after it has left. */
  readonly isMembershipEnd?: true;
  offset: number | undefined;
  /** Unix milliseconds. */
  time: number | undefined;
}

/** A recorded frame as it travels. */
export type RecordedFrame = (MessageFrame & { readonly offset: number }) | StateFrame;

/** Whether a frame is part of the log, not only a reference to an offset. */
export function isRecorded(frame: ServerFrame): frame is RecordedFrame {
  return frame.type === "state" || (frame.type === "message" && frame.offset !== undefined);
}

/** Whether a member must receive it. */
export function isFor({ from, to }: Recorded, id: string): boolean {
  return to === undefined || from === id || to.includes(id);
}

/** The content of a frame without its offset and time, as comparable text. */
export function textOf(frame: object): string {
  const { offset: _offset, time: _time, ...rest } = frame as Record<string, unknown>;
  if (Array.isArray(rest["delete"])) rest["delete"] = (rest["delete"] as string[]).toSorted();
  return JSON.stringify(Object.fromEntries(Object.entries(rest).toSorted(([a], [b]) => (a < b ? -1 : 1))));
}

/**
 * Reads what is stored, and sends a mark over every connection. A client that has read the mark has read everything
 * that was sent before, so that absent frames need no waiting. The room does not notice this.
 */
export function readAndMark(room: string, mark: number): Promise<readonly RecordedFrame[]> {
  return inRoom(room, (state) => {
    const { sql } = state.storage;
    const tables = sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'segment'");
    if (tables.toArray().length === 0) return [];
    const rows = sql.exec<{ body: string }>("SELECT body FROM segment ORDER BY first").toArray();
    const stored = rows.flatMap(({ body }) => JSON.parse(body) as RecordedFrame[]);
    const { epoch } = sql
      .exec<{ epoch: string }>("SELECT value AS epoch FROM meta WHERE name = 'epoch'")
      .one();
    const text = JSON.stringify({ type: "pong", mark });
    for (const socket of state.getWebSockets()) {
      const { dialect } = socket.deserializeAttachment() as { readonly dialect?: string };
      if (dialect === undefined || socket.readyState !== WebSocket.OPEN) continue;
      const position = `${epoch}:${stored.at(-1)?.offset ?? 0}`;
      socket.send(dialect === "bridge" ? encodeBridgeFrame(position, text) : text);
    }
    return stored;
  });
}

/** Whether a frame is a mark of {@link readAndMark}. */
export function isMark(frame: PongFrame, mark: number): boolean {
  return (frame as { readonly mark?: unknown }).mark === mark;
}

/** Whether the room has noticed that a member has no connection. */
export function isLost(room: string, id: string): Promise<boolean> {
  return inRoom(room, ({ storage }) => {
    const connected = storage.sql.exec("SELECT 1 FROM member WHERE id = ? AND graceUntil IS NULL", id);
    return connected.toArray().length === 0;
  });
}
