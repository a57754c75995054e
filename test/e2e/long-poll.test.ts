import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { joinRoom, type JoinOptions, type Room, type TransportName } from "../../src/client/index.ts";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { roomUrl } from "../support/member.ts";
import { randomKey, uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";

/** workerd hibernates an object ten seconds after its last event (observed on 1.20261117). */
const ASLEEP_AFTER_MS = 13_000;

const TRANSPORTS: readonly TransportName[] = ["websocket", "sse", "long-poll"];

let server: ServerProcess;

beforeAll(async () => {
  server = await startBareRuntime({ vars: { ADDRESS_LIMITS: "off", LOG_LEVEL: "debug" } });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** A `fetch` whose responses cannot be read as streams, like React Native's. */
const bufferingFetch = (async (input: string, init: RequestInit) => {
  const response = await fetch(input, init);
  const text = await response.text();
  return { status: response.status, ok: response.ok, headers: response.headers, text: async () => text };
}) as unknown as typeof fetch;

/** A member of the room, and the recorded messages that it has received. */
interface Reader {
  readonly room: Room;
  readonly received: { readonly offset: number; readonly data: unknown }[];
  readonly left: string[];
}

function open(name: string, transport: TransportName): Reader {
  const options: JoinOptions = {
    transports: [transport],
    minReconnectDelayMs: 50,
    maxReconnectDelayMs: 500,
    ...(transport === "long-poll" && { fetch: bufferingFetch }),
  };
  const room = joinRoom(roomUrl(server.url, name), options);
  const reader: Reader = { room, received: [], left: [] };
  room.on(
    "message",
    ({ offset, data }) => void (offset !== undefined && reader.received.push({ offset, data })),
  );
  room.on("presence", ({ left }) => void reader.left.push(...left.map(({ id }) => id)));
  return reader;
}

/** Publishes from every member. Resolves when each has received all messages of the room. */
async function talk(readers: readonly Reader[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++)
    await Promise.all(readers.map(({ room }, index) => room.publish("chat", `${index}`)));
  const [writer] = readers;
  const last = await writer?.room.publish("chat", "mark");
  for (const { received } of readers)
    await expect.poll(() => received.at(-1)?.offset, { timeout: 20_000 }).toBe(last?.offset);
}

/** How many times the room's object has been constructed. */
function loads(name: string): number {
  return server.output().split(`"event":"room_loaded","room":"${name}"`).length - 1;
}

it("[G1 G3 G4 G5 G6 G9 G11 Q3 Q6] members over WebSocket, SSE and long-poll receive the same messages while the room sleeps and crashes", async () => {
  const name = uniqueRoom();
  const readers = TRANSPORTS.map((transport) => open(name, transport));
  await expect.poll(() => readers.map(({ room }) => room.connection.transport)).toEqual(TRANSPORTS);
  await expect.poll(() => readers.map(({ room }) => room.count)).toEqual([3, 3, 3]);

  await talk(readers, 20);

  // The room sleeps while a poll waits, and between two polls that bring nothing.
  const before = loads(name);
  await delay(2 * ASLEEP_AFTER_MS);
  await talk(readers, 5);
  expect(loads(name)).toBeGreaterThan(before);
  expect(readers.map(({ room }) => room.connection.transport)).toEqual(TRANSPORTS);

  // A crash during polls, with acts on their way.
  const talking = talk(readers, 20);
  await server.kill();
  await server.restart();
  await talking;
  await talk(readers, 5);

  const [first, ...others] = readers.map(({ received }) => received);
  expect(first?.map(({ offset }) => offset)).toEqual(first?.map((_, index) => index + 1));
  for (const received of others) expect(received).toEqual(first);
  expect(first).toHaveLength(3 * 50 + 4);
  expect(readers.flatMap(({ left }) => left)).toEqual([]);
  await Promise.all(readers.map(({ room }) => room.leave()));
});

it("[G9 G11 Q2 Q6] a room sleeps while a poll waits, and polls without news bring no list", async () => {
  const room = uniqueRoom();
  const url = `${roomUrl(server.url, room)}/poll?key=${randomKey()}`;
  const poll = async (query: string): Promise<Record<string, string>[]> =>
    (await fetch(`${url}${query}`)).json() as Promise<Record<string, string>[]>;
  const [welcome, position] = await poll("");
  const next = `&after=${position?.["position"] ?? ""}&roster=${welcome?.["roster"] ?? ""}`;

  for (let polls = 0; polls < 2; polls++) {
    const before = loads(room);
    expect(await poll(`${next}&wait=14`)).toEqual([position]);
    await expect.poll(() => loads(room)).toBe(before + 1);
  }
  expect(await (await fetch(roomUrl(server.url, room))).json()).toMatchObject({ members: 1 });
});

it("[G9 Q6 Q8] clients that reset their polls at any moment are gone after pollGraceMs", async () => {
  await using other = await startBareRuntime({
    vars: { ADDRESS_LIMITS: "off", POLL_GRACE_MS: "5000", LOG_LEVEL: "error" },
  });
  const room = uniqueRoom();
  const url = `${roomUrl(other.url, room)}/poll`;
  const aborted = Array.from({ length: 100 }, async (_, n) => {
    const abort = new AbortController();
    const answer = fetch(url, { signal: abort.signal }).catch(() => undefined);
    await delay(n % 20);
    abort.abort();
    await answer;
  });
  await Promise.all(aborted);

  const members = async (): Promise<unknown> => {
    const response = await fetch(roomUrl(other.url, room));
    return ((await response.json()) as { members: number }).members;
  };
  await expect.poll(members, { timeout: 25_000, interval: 500 }).toBe(0);
  expect(other.output()).not.toContain('"level":"error"');
});

it("[L3 Q8] polls whose responses were read keep no place of their source", async () => {
  await using other = await startBareRuntime({ vars: { SSE_STREAMS_PER_SOURCE: "2" } });
  const url = `${roomUrl(other.url, uniqueRoom())}/poll?wait=0&key=`;
  for (let polls = 0; polls < 10; polls++) {
    const response = await fetch(url + randomKey());
    expect(response.status).toBe(200);
    await response.text();
  }

  await delay(11_000); // A reader that has read nothing for ten seconds would be cut off now.

  expect((await fetch(url + randomKey())).status).toBe(200);
});
