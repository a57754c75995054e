import { afterAll, beforeAll, expect, it } from "vitest";
import { joinRoom, type JoinOptions, type Room, type RoomMessage } from "../../src/client/index.ts";
import { proto } from "../../src/client/proto.ts";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { roomUrl } from "../support/member.ts";
import { uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";

let server: ServerProcess;

beforeAll(async () => {
  server = await startBareRuntime({ vars: { ADDRESS_LIMITS: "off" } });
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

/** A member, and the volatile messages that its application has received. */
interface Viewer {
  readonly room: Room;
  readonly received: RoomMessage[];
}

function open(name: string, options: JoinOptions): Viewer {
  const room = joinRoom(roomUrl(server.url, name), options);
  const received: RoomMessage[] = [];
  room.on("message", (message) => void received.push(message));
  return { room, received };
}

it.each<[string, JoinOptions]>([
  ["WebSocket", { transports: ["websocket"] }],
  ["WebSocket with binary frames", { transports: ["websocket"], dialect: proto }],
  ["SSE", { transports: ["sse"] }],
  ["long-poll", { transports: ["long-poll"] }],
])(
  "[A11 W6 G5] a late joiner over %s sees the cursor of a member that does not move, and then its next position",
  async (_name, options) => {
    const name = `cursors:${uniqueRoom()}`;
    const ana = open(name, { transports: ["websocket"] });
    const witness = open(name, { transports: ["websocket"] });
    await expect.poll(() => [ana.room.count, witness.room.count], { timeout: 10_000 }).toEqual([2, 2]);
    ana.room.send("cursor", { x: 1 });
    ana.room.send("cursor", { x: 2 });
    await expect.poll(() => witness.received.at(-1)?.data, { timeout: 10_000 }).toEqual({ x: 2 });

    const late = open(name, options);
    await expect.poll(() => late.received.length, { timeout: 10_000 }).toBe(1);
    const move = (): unknown => {
      ana.room.send("cursor", { x: 3 }); // again, because a client receives none between two polls (rule Q7)
      return late.received.at(-1)?.data;
    };
    await expect.poll(move, { timeout: 10_000 }).toEqual({ x: 3 });

    const [kept, ...live] = late.received;
    expect(kept).toMatchObject({ from: ana.room.self, event: "cursor", data: { x: 2 }, kept: true });
    for (const message of live) {
      expect(message).toMatchObject({ from: ana.room.self, event: "cursor", data: { x: 3 } });
      expect(message).not.toHaveProperty("kept");
    }
    await Promise.all([ana, witness, late].map(({ room }) => room.leave()));
  },
);
