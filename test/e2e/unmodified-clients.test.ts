import { EventSource } from "eventsource";
import { WebSocket as PartySocket } from "partysocket";
import ReconnectingWebSocket from "reconnecting-websocket";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { Inbox } from "../support/inbox.ts";
import { joinUrl } from "../support/member.ts";
import { randomKey, uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { startServer } from "../support/server.ts";
import { joinWebSocket } from "../support/websocket-member.ts";

/** A client that reconnects by itself, on an address that never changes. */
interface Client {
  readonly inbox: Inbox;
  /** Sends a text frame; absent for one that can only read. */
  readonly send?: (text: string) => void;
  readonly close: () => void;
}

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({ vars: { ADDRESS_LIMITS: "off", SSE_RETRY_MS: "100" } });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const RECONNECT = { minReconnectionDelay: 100, maxReconnectionDelay: 300, WebSocket };

const CLIENTS: readonly (readonly [name: string, part: string, open: (url: string) => Client])[] = [
  ["partysocket", "", (url) => socketClient(new PartySocket(url, "parlor.v1", RECONNECT))],
  [
    "reconnecting-websocket",
    "",
    (url) => socketClient(new ReconnectingWebSocket(url, "parlor.v1", RECONNECT)),
  ],
  ["eventsource", "/events", eventClient],
];

describe("clients that know nothing of Parlor, on a URL with their key", () => {
  it.each(CLIENTS)(
    "[G4 G6 J4 S2] %s joins, and comes back as the same member after the server was killed",
    async (_name, part, open) => {
      const room = uniqueRoom();
      const base = part === "" ? server.wsUrl : server.url;
      const client = open(joinUrl(base, room, part, { key: randomKey() }));
      const { member } = await client.inbox.take("welcome");
      client.send?.(JSON.stringify({ type: "publish", ref: 1, event: "chat", data: "before" }));
      if (client.send !== undefined) {
        expect(await client.inbox.take("ack")).toMatchObject({ ref: 1, offset: 1 });
      }

      await server.restart();

      const back = await client.inbox.take("welcome");
      expect(back.member).toBe(member);
      const other = await joinWebSocket(server, room);
      await other.publish("chat", "after");
      expect(await client.inbox.take("message", ({ data }) => data === "after")).toMatchObject({
        from: other.member,
      });
      if (client.send !== undefined) {
        client.send(JSON.stringify({ type: "publish", ref: 1, event: "chat", data: "before" }));
        expect(await client.inbox.take("ack")).toMatchObject({ ref: 1, offset: 1 });
      }
      client.close();
      other.vanish();
    },
  );
});

function socketClient(socket: PartySocket | ReconnectingWebSocket): Client {
  const inbox = new Inbox();
  socket.addEventListener("message", ({ data }: { readonly data: unknown }) => inbox.receive(String(data)));
  return { inbox, send: (text) => socket.send(text), close: () => socket.close() };
}

function eventClient(url: string): Client {
  const inbox = new Inbox();
  const source = new EventSource(url);
  source.addEventListener("message", ({ data }) => inbox.receive(String(data)));
  return { inbox, close: () => source.close() };
}
