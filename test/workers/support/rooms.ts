import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { randomKey } from "../../../src/protocol/ids.ts";
import type { RoomInfo } from "../../../src/room/api.ts";

/** The origin of the Worker for tests in its own runtime. No socket is opened. */
export const ORIGIN = "https://parlor.test";

/** Handles a request as the Worker does. */
export type Serve = (request: Request) => Response | Promise<Response>;

/** The Worker of wrangler.toml. */
export const serve: Serve = (request) => exports.default.fetch(request);

/** Returns the name of an unused room, because storage is isolated per file, not per test. */
export function uniqueRoom(kind?: string): string {
  const name = `room-${randomKey()}`;
  return kind === undefined ? name : `${kind}:${name}`;
}

/** Returns an unused address, because joins are limited per address. */
export function uniqueAddress(): string {
  const groups = Array.from(crypto.getRandomValues(new Uint16Array(3)), (group) => group.toString(16));
  return `2001:${groups.join(":")}::1`; // limits apply to a /64
}

/** Sends a request to the Worker from a new address, unless the headers contain one. */
export async function request(path: string, init: RequestInit = {}, to: Serve = serve): Promise<Response> {
  const headers = new Headers(init.headers);
  if (!headers.has("CF-Connecting-IP")) headers.set("CF-Connecting-IP", uniqueAddress());
  return to(new Request(ORIGIN + path, { ...init, headers }));
}

/** The path of a room, or of one of its parts such as `/events`. */
export function roomPath(room: string, part = ""): string {
  return `/rooms/${encodeURIComponent(room)}${part}`;
}

/** The room's object. Each call returns a new stub, because a crash breaks a stub. */
export function roomStub(room: string): ReturnType<typeof env.ROOM.getByName> {
  return env.ROOM.getByName(room);
}

/** Runs code inside the room's object. This may start the object, but it is not an event for the room. */
export function inRoom<Value>(
  room: string,
  work: (state: DurableObjectState) => Value,
): Promise<Awaited<Value>> {
  return runInDurableObject(roomStub(room) as DurableObjectStub, (_instance: DurableObject, state) =>
    work(state),
  ) as Promise<Awaited<Value>>;
}

/** The number of a room's open sockets. Others are closing. */
export function openSocketsOf(room: string): Promise<number> {
  return inRoom(
    room,
    (state) => state.getWebSockets().filter(({ readyState }) => readyState === WebSocket.OPEN).length,
  );
}

/** The public information about a room. */
export async function infoOf(room: string): Promise<RoomInfo> {
  const response = await request(roomPath(room));
  return response.json();
}

/** The names of a room's tables. Reading them creates none. */
export function tablesOf(room: string): Promise<string[]> {
  return inRoom(room, ({ storage }) =>
    storage.sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'",
      )
      .toArray()
      .map(({ name }) => name),
  );
}

/** The stored rows of a room's log. */
export function rowsOf(
  room: string,
): Promise<{ first: number; last: number; at: number; body: string; refs: string }[]> {
  return inRoom(room, ({ storage }) =>
    storage.sql
      .exec<{ first: number; last: number; at: number; body: string; refs: string }>(
        "SELECT first, last, at, body, refs FROM segment ORDER BY first",
      )
      .toArray(),
  );
}

/**
 * Puts a room to sleep as idleness does: it loses its memory and keeps its sockets. Rejects if the room is not awake.
 */
export function evict(room: string): Promise<void> {
  return evictDurableObject(roomStub(room) as DurableObjectStub);
}

/** Whether the room's object was in memory. It is not any more afterwards. */
export async function wasAwake(room: string): Promise<boolean> {
  try {
    await evict(room);
    return true;
  } catch (error) {
    if (String(error).includes("not currently running")) return false;
    throw error;
  }
}

/** Ends every object as a crash does: memory and sockets are lost, and storage is kept. */
export function crash(): Promise<void> {
  return abortAllDurableObjects();
}
