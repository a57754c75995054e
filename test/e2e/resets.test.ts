import { setTimeout as delay } from "node:timers/promises";
import { connect, type Socket } from "node:net";
import { randomBytes } from "node:crypto";
import { expect, it, vi } from "vitest";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { randomKey, uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { joinWebSocket } from "../support/websocket-member.ts";

/** Clients of each transport. */
const CLIENTS = 60;

/** The maximum time until a client resets its connection, in milliseconds: before, during or after the response. */
const WITHIN_MS = 12;

const HEARTBEAT_MS = 5_000;

/** The time limit of the close, in milliseconds. It would take twice as long if the client had sent nothing. */
const LATE_MS = 5_000;

it.each([
  ["WebSocket", (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n${upgradeHeaders()}\r\n`],
  ["SSE", (path: string) => `GET ${path.replace("?", "/events?")} HTTP/1.1\r\nHost: x\r\n\r\n`],
])(
  "[L4 S3 G9] clients over %s that reset their connections during the handshake are gone within two heartbeats",
  async (_transport, requestOf) => {
    await using server = await startBareRuntime({
      vars: {
        ADDRESS_LIMITS: "off",
        GRACE_MS: "0",
        SSE_HEARTBEAT_MS: String(HEARTBEAT_MS),
        LOG_LEVEL: "error",
      },
    });
    const room = uniqueRoom();

    for (let n = 0; n < CLIENTS; n++) {
      const socket = openSocket(server);
      socket.write(requestOf(`/rooms/${room}?key=${randomKey()}`));
      setTimeout(() => socket.resetAndDestroy(), Math.random() * WITHIN_MS);
      if (n % 10 === 9) await membersOf(server, room);
    }

    await vi.waitFor(async () => expect(await membersOf(server, room)).toBe(0), {
      timeout: 2 * HEARTBEAT_MS,
      interval: 100,
    });
    expect(server.output()).not.toContain('"level":"error"');
  },
);

it("[C3] the connection of a client that has sent a ping ends as soon as the client has replied to a close", async () => {
  await using server = await startBareRuntime({ vars: { ADDRESS_LIMITS: "off" } });
  const ana = await joinWebSocket(server, uniqueRoom());
  await ana.welcome();
  ana.ping();
  await ana.inbox.take("pong");

  await ana.act({ type: "leave" });

  const late = delay(LATE_MS, "late", { ref: false });
  expect(await Promise.race([ana.closed, late])).toMatchObject({ code: 4507 });
});

function openSocket(server: ServerProcess): Socket {
  const { hostname, port } = new URL(server.url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on("error", () => undefined);
  return socket;
}

function upgradeHeaders(): string {
  const key = randomBytes(16).toString("base64");
  return `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n`;
}

async function membersOf(server: ServerProcess, room: string): Promise<number> {
  const response = await fetch(`${server.url}/rooms/${room}`);
  return ((await response.json()) as { readonly members: number }).members;
}
