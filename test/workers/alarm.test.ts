import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { crash, inRoom, roomStub, uniqueRoom } from "./support/rooms.ts";
import { join, rejoin } from "./support/websocket.ts";

// The clock stands still unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

function alarmOf(room: string): Promise<number | null> {
  return inRoom(room, ({ storage }) => storage.getAlarm());
}

/** Runs the room's alarm, due or not, as the platform does: once it runs, it is no longer set. */
function runAlarm(room: string): Promise<boolean> {
  return runDurableObjectAlarm(roomStub(room) as DurableObjectStub);
}

describe("the alarm is set again", () => {
  it("[G9 G11 L4] after it came for the grace of one who is back from a crash", async () => {
    const room = uniqueRoom("chat");
    const ana = await join(room);
    const check = await alarmOf(room);
    await crash();
    await rejoin(room, ana);

    const soon = (await alarmOf(room)) ?? 0;
    expect(soon).toBeLessThan(check ?? 0);
    vi.setSystemTime(soon);
    await runAlarm(room);

    expect(await alarmOf(room)).toBe(check);
  });

  it("[G9 G11 L4] after it came before its time", async () => {
    const room = uniqueRoom();
    await join(room);
    const check = await alarmOf(room);

    await runAlarm(room);

    expect(await alarmOf(room)).toBe(check);
  });
});
