import { kindsRoom, serveKinds } from "./kinds.ts";
import { request, roomPath } from "./rooms.ts";
import type { WebSocketMember } from "./websocket.ts";

/** The kinds `strict…` of test-kinds.ts. */
export const STRICT = { maxRefusals: 10, muteMs: 10_000, banMs: 60_000 } as const;

/** Sends frames that are refused, one by one, and waits for the last answer. */
export async function beRefused(member: WebSocketMember, count: number): Promise<void> {
  const errors = (): number => member.inbox.all.filter(({ type }) => type === "error").length;
  const expected = errors() + count;
  for (let n = 0; n < count; n++) member.send("{");
  await member.inbox.until(() => errors() >= expected);
}

/** Has a member muted. */
export function beMuted(member: WebSocketMember): Promise<void> {
  return beRefused(member, STRICT.maxRefusals / 2);
}

/** Has a member closed `abuse`, and waits until it is. */
export async function beBanned(member: WebSocketMember): Promise<void> {
  for (let n = 0; n < STRICT.maxRefusals; n++) member.send("{");
  await member.closed;
}

/** Puts a room of test-kinds.ts to sleep; tells whether it was awake. */
export async function sendToSleep(room: string): Promise<boolean> {
  try {
    await kindsRoom(room).evict();
    return true;
  } catch (error) {
    if (String(error).includes("not currently running")) return false;
    throw error;
  }
}

/** How many tables a room of test-kinds.ts has. */
export function tableCount(room: string): Promise<number> {
  return kindsRoom(room).inside(
    ({ storage }) =>
      storage.sql
        .exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'")
        .toArray().length,
  );
}

/** The error that a request to join a room of test-kinds.ts by SSE, as a client that is no EventSource, gets. */
export async function refusalOf(room: string, headers: Record<string, string>): Promise<unknown> {
  return (await request(roomPath(room, "/events"), { headers }, serveKinds)).json();
}
