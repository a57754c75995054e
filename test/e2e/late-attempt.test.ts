import { afterAll, beforeAll, expect, it } from "vitest";
import { realEnvironment } from "../../src/client/runtime/environment.ts";
import { joinRoom, type Room, type TransportName } from "../../src/client/index.ts";
import { createRoom } from "../../src/client/join-room.ts";
import { randomKey } from "../../src/protocol/ids.ts";
import { DelayingNetwork } from "../support/delaying-network.ts";
import { roomUrl } from "../support/member.ts";
import { uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { startServer } from "../support/server.ts";

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({ vars: { ADDRESS_LIMITS: "off" } });
});

afterAll(() => server?.[Symbol.asyncDispose]());

/** Resolves when a room is connected. `states` has all its connection states. */
async function connected(room: Room): Promise<{ readonly states: readonly string[] }> {
  const states: string[] = [];
  await new Promise<void>((resolve) => {
    room.on("connection", ({ state, reason }) => {
      states.push(`${state}: ${reason}`);
      if (state === "open") resolve();
    });
  });
  return { states };
}

/** The number of members in the room. */
async function membersOf(room: string): Promise<number> {
  const response = await fetch(roomUrl(server.url, room));
  return ((await response.json()) as { members: number }).members;
}

it.each<TransportName>(["websocket", "sse"])(
  "[J11 G9] a first attempt over %s that arrives after the second was welcomed changes nothing",
  async (transport) => {
    await using network = await DelayingNetwork.to(Number(new URL(server.url).port));
    const name = uniqueRoom();
    const room = joinRoom(roomUrl(network.url, name), { connectTimeoutMs: 3_000, transports: [transport] });
    const { states } = await connected(room);

    await network.deliver();
    const published = await room.publish("chat", "still here");

    expect(published.offset).toBe(1);
    expect(states).toHaveLength(3); // the timeout, the second attempt and the connection
    expect(room.connection.state).toBe("open");
    expect(await membersOf(name)).toBe(1);
    await room.leave();
    expect(await membersOf(name)).toBe(0);
  },
);

it("[H9 A6] a page's leave that arrives after a reload does not end the new connection", async () => {
  const [name, key] = [uniqueRoom(), randomKey()];
  const arrival = Promise.withResolvers<void>();
  const answers: Promise<Response>[] = [];
  const slow: typeof fetch = (input, init = {}) => {
    if (init.method !== "POST") return fetch(input, init);
    const { signal: _signal, ...rest } = init; // The page has gone, and its request is still in flight.
    const answer = arrival.promise.then(() => fetch(input, rest));
    answers.push(answer.then((response) => response.clone())); // the client also reads the response
    return answer;
  };
  const before = joinRoom(roomUrl(server.url, name), { key, transports: ["sse"], fetch: slow });
  await connected(before);

  void before.leave();
  const after = joinRoom(roomUrl(server.url, name), { key });
  const { states } = await connected(after);
  arrival.resolve();
  const [answer] = await Promise.all(answers);
  await after.publish("chat", "still here");

  expect(answer?.status).toBe(409);
  expect(await answer?.json()).toMatchObject({ code: "superseded" });
  expect(states).toHaveLength(1);
  expect(await membersOf(name)).toBe(1);
  await after.leave();
});

it("[J11] a page that is reloaded after its clock was set back replaces its previous connection", async () => {
  const [name, key] = [uniqueRoom(), randomKey()];
  const tomorrow = { ...realEnvironment, unixNow: () => Date.now() + 86_400_000 };
  const before = createRoom(roomUrl(server.url, name), { key }, { environment: tomorrow });
  await connected(before);
  const after = joinRoom(roomUrl(server.url, name), { key });
  const { states } = await connected(after);
  before.close();

  await after.publish("chat", "still here");

  expect(states[0]).toContain("newer connection");
  expect(after.connection.state).toBe("open");
  await after.leave();
});
