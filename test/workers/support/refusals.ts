import { listDurableObjectIds } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Serve } from "./rooms.ts";
import { openEvents, post } from "./sse.ts";
import { joinWebSocket } from "./websocket.ts";

/** A session and key that do not belong to any client. */
const NOBODY = { session: "A".repeat(22), key: "A".repeat(22) };

/** The rejections of a join over each transport: the code of the error, with the close or status. */
export interface Refusals {
  readonly websocket: readonly [code: string, close: number];
  readonly sse: readonly [code: string, close: number];
  readonly post: readonly [code: string, status: number];
}

/** Tries to join over every transport, and returns the rejections. */
export async function refusalsOf(
  room: string,
  to: Serve,
  headers: Readonly<Record<string, string>>,
): Promise<Refusals> {
  const socket = await joinWebSocket(room, { to, headers });
  const reader = await openEvents(room, { to, headers });
  const acted = await post(room, NOBODY, { type: "publish", event: "e" }, headers, to);
  return {
    websocket: [(await socket.inbox.take("error")).code, (await socket.closed).code],
    sse: [(await reader.inbox.take("error")).code, (await reader.closed).code],
    post: [(acted.body as { readonly code: string }).code, acted.status],
  };
}

/** Whether a room of test-kinds.ts has ever been reached. */
export async function wasTouched(room: string): Promise<boolean> {
  const id = env.KINDS_ROOM.idFromName(room).toString();
  return (await listDurableObjectIds(env.KINDS_ROOM)).some((other) => other.toString() === id);
}
