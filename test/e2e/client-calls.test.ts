import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { joinRoom, ParlorError, type JoinOptions, type Room } from "../../src/client/index.ts";
import { proto } from "../../src/client/proto.ts";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { roomUrl } from "../support/member.ts";
import { uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";

/** The budget of a session: messages at once, and per second. */
const BUDGET = 100;

const CONNECTIONS: readonly [string, JoinOptions][] = [
  ["WebSocket", { transports: ["websocket"] }],
  ["WebSocket with binary frames", { transports: ["websocket"], dialect: proto }],
  ["SSE", { transports: ["sse"] }],
];

let server: ServerProcess;

beforeAll(async () => {
  const budget = String(BUDGET);
  server = await startBareRuntime({
    vars: { ADDRESS_LIMITS: "off", MESSAGES_PER_SECOND: budget, MESSAGES_BURST: budget },
  });
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

/** Joins a room, and waits for the welcome. */
async function enter(name: string, options: JoinOptions): Promise<Room> {
  const room = joinRoom(roomUrl(server.url, name), {
    minReconnectDelayMs: 100,
    maxReconnectDelayMs: 1_000,
    ...options,
  });
  await new Promise<void>((resolve) => room.on("welcome", () => resolve()));
  return room;
}

/** Waits until a member sees another one. */
async function seen(room: Room, member: string | undefined): Promise<string> {
  await expect.poll(() => member !== undefined && room.members.has(member), { timeout: 10_000 }).toBe(true);
  return member ?? "";
}

describe.each(CONNECTIONS)("over %s", (_name, options) => {
  it(
    "[L1 G1 G2 G3] an application that sends ten times its budget sees no rate_limited, and every act is stored once, in order",
    { timeout: 120_000 },
    async () => {
      const room = await enter(uniqueRoom(), options);
      const codes = new Set<string>();
      const offsets: number[] = [];
      room.on("error", ({ code }) => codes.add(code));
      room.on("message", ({ offset }) => void (offset !== undefined && offsets.push(offset)));
      const acts: Promise<{ readonly offset: number }>[] = [];
      for (let n = 0; n < 10 * BUDGET; n++) {
        if (n % 2 === 0) acts.push(room.publish("chat", n));
        else if (n % 4 === 1) room.send("cursor", n);
        else acts.push(room.shared.set({ n }));
      }

      await room.flush({ timeoutMs: 100_000 });
      const stored = await Promise.all(acts);

      expect([...codes]).toEqual([]);
      expect(stored.map(({ offset }) => offset)).toEqual(acts.map((_act, index) => index + 1));
      await expect.poll(() => offsets.length, { timeout: 10_000 }).toBe((10 * BUDGET) / 2);
      expect(offsets).toEqual(offsets.toSorted((one, other) => one - other));
      expect(room.pending).toEqual({ count: 0 });
      await room.leave();
    },
  );

  it("[A8 H2] the history has every message, backwards and forwards, in several pages", async () => {
    const room = await enter(uniqueRoom(), options);
    for (let n = 1; n <= 12; n++) void room.publish("chat", n === 12 ? Uint8Array.of(1, 2) : n);
    await room.flush();
    const backwards: unknown[] = [];
    const forwards: unknown[] = [];
    for await (const { offset } of room.history({ pageSize: 5 })) backwards.push(offset);
    for await (const { data, bytes } of room.history({ after: 2, before: 13, pageSize: 4 }))
      forwards.push(bytes ?? data);

    expect(backwards).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    expect(forwards).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, Uint8Array.of(1, 2)]);
    await room.leave();
  });

  it("[R1 R2 R3] a member replies to very many requests at once, refuses some, and has no handler for others", async () => {
    const name = uniqueRoom();
    const [asker, member] = await Promise.all([enter(name, options), enter(name, {})]);
    const id = await seen(asker, member.self);
    // The replies are given in reverse, once all requests have arrived.
    const arrived: (() => void)[] = [];
    member.onRequest("double", async ({ from, data }) => {
      await seen(member, from);
      await new Promise<void>((resolve) => {
        if (arrived.push(resolve) === 60) for (const reply of arrived.toReversed()) reply();
      });
      if (data === 13) throw new ParlorError("unlucky", "not this number");
      return Number(data) * 2;
    });

    const asked = await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        asker.request(id, "double", n).catch(({ code }: { code: string }) => code),
      ),
    );

    expect(asked).toEqual(Array.from({ length: 60 }, (_, n) => (n === 13 ? "unlucky" : 2 * n)));
    await expect(asker.request(id, "unheard", 1)).rejects.toMatchObject({ code: "no_handler" });
    await expect(asker.request("x".repeat(22), "double", 1)).rejects.toMatchObject({
      code: "unknown_member",
    });
    await Promise.all([asker.leave(), member.leave()]);
  });

  it("[G1 G2] a loop over the messages receives every message in order", async () => {
    const room = await enter(uniqueRoom(), options);
    const loop = (async () => {
      const taken: unknown[] = [];
      for await (const { data } of room.messages()) if (taken.push(data) === 50) return taken;
      return taken;
    })();
    for (let n = 0; n < 50; n++) void room.publish("chat", n);

    expect(await loop).toEqual(Array.from({ length: 50 }, (_, n) => n));
    await room.leave();
  });
});
