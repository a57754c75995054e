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

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({ vars: { ADDRESS_LIMITS: "off", SSE_RETRY_MS: "100" } });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const RECONNECT = { minReconnectionDelay: 100, maxReconnectionDelay: 300, WebSocket };

describe("reconnecting clients of other projects, with their key in the URL", () => {
  it.each([
    ["partysocket", (url: string) => new PartySocket(url, "parlor.v1", RECONNECT)],
    ["reconnecting-websocket", (url: string) => new ReconnectingWebSocket(url, "parlor.v1", RECONNECT)],
  ])(
    "[G3 G6 J4] %s reconnects as the same member after the server is killed, and its repeated act takes effect once",
    async (_name, open) => {
      const room = uniqueRoom();
      const inbox = new Inbox();
      const socket = open(joinUrl(server.wsUrl, room, "", { key: randomKey() }));
      socket.addEventListener("message", ({ data }: { readonly data: unknown }) =>
        inbox.receive(String(data)),
      );
      const { member } = await inbox.take("welcome");
      socket.send(PUBLISH);
      const first = await inbox.take("ack");

      await server.restart();

      expect((await inbox.take("welcome")).member).toBe(member);
      socket.send(PUBLISH);
      expect(await inbox.take("ack")).toEqual(first);
      await expectToHear(inbox, room);
      socket.close();
    },
  );

  it("[G4 G6 S2] the package eventsource reconnects as the same member after the server is killed", async () => {
    const room = uniqueRoom();
    const inbox = new Inbox();
    const source = new EventSource(joinUrl(server.url, room, "/events", { key: randomKey() }));
    source.addEventListener("message", ({ data }) => inbox.receive(String(data)));
    const { member } = await inbox.take("welcome");

    await server.restart();

    expect(await inbox.take("welcome")).toMatchObject({ member, recovered: true });
    await expectToHear(inbox, room);
    source.close();
  });
});

const PUBLISH = JSON.stringify({ type: "publish", ref: 1, event: "chat", data: "once" });

/** Publishes as another member, and expects that the client receives the message. */
async function expectToHear(inbox: Inbox, room: string): Promise<void> {
  const other = await joinWebSocket(server, room);
  await other.publish("chat", "hello");
  expect(await inbox.take("message", ({ data }) => data === "hello")).toMatchObject({ from: other.member });
  other.vanish();
}
