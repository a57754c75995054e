import { kindsRoom, serveKinds } from "./kinds.ts";
import { request, roomPath } from "./rooms.ts";
import type { WebSocketMember } from "./websocket.ts";

/** The limits of the kinds `strict…` in test-kinds.ts. */
export const STRICT = { maxRefusals: 10, muteMs: 10_000, banMs: 60_000 } as const;

/** Sends frames that are rejected, one by one, and waits for the last reply. */
export async function beRefused(member: WebSocketMember, count: number): Promise<void> {
  const errors = (): number => member.inbox.all.filter(({ type }) => type === "error").length;
  const expected = errors() + count;
  for (let n = 0; n < count; n++) member.send("{");
  await member.inbox.until(() => errors() >= expected);
}

/** Causes a mute of a member. */
export function beMuted(member: WebSocketMember): Promise<void> {
  return beRefused(member, STRICT.maxRefusals / 2);
}

/** Causes a ban of a member, and waits until its connection is closed with `abuse`. */
export async function beBanned(member: WebSocketMember): Promise<void> {
  for (let n = 0; n < STRICT.maxRefusals; n++) member.send("{");
  await member.closed;
}

/** Puts a room of test-kinds.ts to sleep. Returns whether it was awake. */
export async function sendToSleep(room: string): Promise<boolean> {
  try {
    await kindsRoom(room).evict();
    return true;
  } catch (error) {
    if (String(error).includes("not currently running")) return false;
    throw error;
  }
}

/** The number of tables in a room of test-kinds.ts. */
export function tableCount(room: string): Promise<number> {
  return kindsRoom(room).inside(
    ({ storage }) =>
      storage.sql
        .exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'")
        .toArray().length,
  );
}

/** The error of a join by SSE to a room of test-kinds.ts, requested by a client that is not an EventSource. */
export async function refusalOf(room: string, headers: Record<string, string>): Promise<unknown> {
  return (await request(roomPath(room, "/events"), { headers }, serveKinds)).json();
}
