import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { randomKey } from "../../../src/protocol/ids.ts";
import type { RoomInfo } from "../../../src/room/api.ts";

/** Where the Worker is reached from tests in its own runtime; no socket is opened. */
export const ORIGIN = "https://parlor.test";

/** Takes a request as the Worker does. */
export type Serve = (request: Request) => Response | Promise<Response>;

/** The Worker of wrangler.toml. */
export const serve: Serve = (request) => exports.default.fetch(request);

/** Names a room nobody has used: storage is isolated per file, not per test. */
export function uniqueRoom(kind?: string): string {
  const name = `room-${randomKey()}`;
  return kind === undefined ? name : `${kind}:${name}`;
}

/** An address nobody has used, as joins are limited per address. */
export function uniqueAddress(): string {
  const groups = Array.from(crypto.getRandomValues(new Uint16Array(3)), (group) => group.toString(16));
  return `2001:${groups.join(":")}::1`; // limits are per /64
}

/** Sends a request to the Worker from an address of its own, unless the headers name one. */
export async function request(path: string, init: RequestInit = {}, to: Serve = serve): Promise<Response> {
  const headers = new Headers(init.headers);
  if (!headers.has("CF-Connecting-IP")) headers.set("CF-Connecting-IP", uniqueAddress());
  return to(new Request(ORIGIN + path, { ...init, headers }));
}

/** The path of a room, or of one of its parts such as `/events`. */
export function roomPath(room: string, part = ""): string {
  return `/rooms/${encodeURIComponent(room)}${part}`;
}

/** The room's object. A stub is broken by a crash, so each use gets a new one. */
export function roomStub(room: string): ReturnType<typeof env.ROOM.getByName> {
  return env.ROOM.getByName(room);
}

/** Runs code inside the room's object. It may start the object, but no event of the room's. */
export function inRoom<Value>(
  room: string,
  work: (state: DurableObjectState) => Value,
): Promise<Awaited<Value>> {
  return runInDurableObject(roomStub(room) as DurableObjectStub, (_instance: DurableObject, state) =>
    work(state),
  ) as Promise<Awaited<Value>>;
}

/** What of a room anyone may read. */
export async function infoOf(room: string): Promise<RoomInfo> {
  const response = await request(roomPath(room));
  return response.json();
}

/** The names of a room's tables; reading them creates none. */
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

/** What happens to the stored log of a room. */
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

/** Puts a room to sleep as idleness does: its memory is gone, its sockets stay. Rejects if it is not awake. */
export function evict(room: string): Promise<void> {
  return evictDurableObject(roomStub(room) as DurableObjectStub);
}

/** Whether the room's object is in memory; it is not afterwards. */
export async function wasAwake(room: string): Promise<boolean> {
  try {
    await evict(room);
    return true;
  } catch (error) {
    if (String(error).includes("not currently running")) return false;
    throw error;
  }
}

/** Ends every object without a word, as a crash does: memory and sockets are gone, what was stored stays. */
export function crash(): Promise<void> {
  return abortAllDurableObjects();
}
