import { runDurableObjectAlarm } from "cloudflare:test";
import { expect, vi } from "vitest";
import { kinds } from "../../../src/rooms.ts";
import { inRoom, roomStub } from "./rooms.ts";

/** The grace of `chat` rooms. Their kind sets it, while the variable for other tests sets it to 0. */
export const CHAT_GRACE_MS = kinds.chat.graceMs ?? 0;

/** Leaves after a grace are grouped into slots of this length. */
export const SLOT_MS = 15_000;

/** Resolves once the room has noticed that a member's connection is lost. */
export function lost(room: string, { member }: { readonly member: string }): Promise<void> {
  return vi.waitFor(async () => {
    const graceUntil = await inRoom(room, ({ storage }) =>
      storage.sql
        .exec<{ graceUntil: number | null }>("SELECT graceUntil FROM member WHERE id = ?", member)
        .toArray(),
    );
    expect(graceUntil).toEqual([{ graceUntil: expect.any(Number) as number }]);
  });
}

/**
 * Moves the clock, and runs the room's alarm if it is due, as the platform would. A room that has expired ends its
 * object, so the caller of its alarm sees an error, which is ignored.
 */
export async function passAndWake(room: string, ms: number): Promise<void> {
  vi.setSystemTime(Date.now() + ms);
  const at = await inRoom(room, ({ storage }) => storage.getAlarm());
  if (at === null || at > Date.now()) return;
  await runDurableObjectAlarm(roomStub(room) as DurableObjectStub).catch((error: unknown) => {
    if (!String(error).includes("expired")) throw error;
  });
}
