import { fetchEventSource } from "@microsoft/fetch-event-source";
import { EventSourcePolyfill } from "event-source-polyfill";
import { EventSource } from "eventsource";
import { WebSocket as PartySocket } from "partysocket";
import ReconnectingWebSocket from "reconnecting-websocket";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import type { ServerFrame } from "../../src/protocol/frames.ts";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { Inbox } from "../support/inbox.ts";
import { joinUrl, roomUrl } from "../support/member.ts";
import { ProcessGroup } from "../support/process-group.ts";
import { randomKey, uniqueRoom } from "../support/rooms.ts";
import { SampleProject } from "../support/sample-project.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { joinWebSocket } from "../support/websocket-member.ts";

let server: ServerProcess;

beforeAll(async () => {
  server = await startBareRuntime({ vars: { ADDRESS_LIMITS: "off", SSE_RETRY_MS: "100" } });
});

afterAll(async () => {
  vi.unstubAllGlobals();
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

  it.each<[string, (url: string, receive: (text: string) => void) => () => void]>([
    [
      "eventsource",
      (url, receive) => {
        const source = new EventSource(url);
        source.addEventListener("message", ({ data }) => receive(String(data)));
        return () => source.close();
      },
    ],
    [
      "event-source-polyfill",
      (url, receive) => {
        const source = new EventSourcePolyfill(url);
        source.addEventListener("message", ({ data }) => receive(String(data)));
        return () => source.close();
      },
    ],
    [
      "@microsoft/fetch-event-source",
      (url, receive) => {
        // The package is for pages, and uses these two globals.
        vi.stubGlobal("window", globalThis);
        vi.stubGlobal("document", Object.assign(new EventTarget(), { hidden: false }));
        const abort = new AbortController();
        // Unlike an EventSource, the package reports comments and retry times too, as empty events.
        const onmessage = ({ data }: { readonly data: string }): void => void (data !== "" && receive(data));
        void fetchEventSource(url, { signal: abort.signal, onmessage });
        return () => abort.abort();
      },
    ],
  ])(
    "[G4 G6 S2] the package %s reconnects as the same member after the server is killed, and misses no message",
    async (_name, open) => {
      const room = uniqueRoom();
      const inbox = new Inbox();
      const close = open(joinUrl(server.url, room, "/events", { key: randomKey() }), (text) =>
        inbox.receive(text),
      );
      const { member } = await inbox.take("welcome");
      await expectToHear(inbox, room);

      await server.restart();

      expect(await inbox.take("welcome")).toMatchObject({ member, recovered: true });
      await expectToHear(inbox, room);
      expect(inbox.messages.map(({ offset }) => offset)).toEqual([1, 2]);
      close();
    },
  );
});

/** How a newcomer polls: with `curl`, and without a parser of JSON. Prints each answer on a line. */
const POLLS = `
KEY=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=')
while true; do
  if ANSWER=$(curl -sf "$ROOM/poll?key=$KEY&after=$AFTER&roster=$ROSTER&wait=25"); then
    echo "$ANSWER"
    AFTER=$(echo "$ANSWER" | grep -o '"position":"[^"]*"' | tail -n 1 | cut -d '"' -f 4)
    NEWER=$(echo "$ANSWER" | grep -o '"roster":"[^"]*"' | tail -n 1 | cut -d '"' -f 4)
    ROSTER=\${NEWER:-$ROSTER}
  else
    sleep 0.1
  fi
done`;

describe("curl in a loop", () => {
  it("[G4 G6 Q3 Q5 H1] a loop of curl polls as one member, also after the server is killed, and misses and repeats no message", async () => {
    using project = await SampleProject.create();
    const room = uniqueRoom();
    const env = { PATH: process.env["PATH"], ROOM: roomUrl(server.url, room) };
    const loop = new ProcessGroup(["/bin/sh", "-c", POLLS], { cwd: project.folder, env });
    const received = (): ServerFrame[] =>
      loop
        .output()
        .split("\n")
        .slice(0, -1)
        .flatMap((line) => JSON.parse(line) as ServerFrame[]);
    const messages = (): unknown[] =>
      received().flatMap((frame) => (frame.type === "message" ? frame.data : []));
    await expect.poll(() => received()[0]?.type, PATIENCE).toBe("welcome");
    const welcome = received().find((frame) => frame.type === "welcome");
    const other = await joinWebSocket(server, room);
    for (let n = 1; n <= 5; n++) await other.publish("chat", n);
    await expect.poll(messages, PATIENCE).toEqual([1, 2, 3, 4, 5]);

    await server.restart();
    const another = await joinWebSocket(server, room);
    const authority = `Parlor-Session: ${welcome?.session}.${welcome?.key}`;
    const { stdout } = await project.shell(`curl -s ${env.ROOM}/messages -H "${authority}" -d '${PUBLISH}'`);
    expect(JSON.parse(stdout)).toEqual({ type: "ack", ref: 1, offset: 6 });
    for (let n = 7; n <= 9; n++) await another.publish("chat", n);

    await expect.poll(messages, PATIENCE).toEqual([1, 2, 3, 4, 5, "once", 7, 8, 9]);
    const members = received().flatMap((frame) => (frame.type === "welcome" ? frame.member : []));
    expect(new Set(members)).toEqual(new Set([welcome?.member]));
    await loop.kill();
    another.vanish();
  });
});

const PATIENCE = { timeout: 20_000 };

const PUBLISH = JSON.stringify({ type: "publish", ref: 1, event: "chat", data: "once" });

/** Publishes as another member, and expects that the client receives the message. */
async function expectToHear(inbox: Inbox, room: string): Promise<void> {
  const other = await joinWebSocket(server, room);
  await other.publish("chat", "hello");
  expect(await inbox.take("message", ({ data }) => data === "hello")).toMatchObject({ from: other.member });
  other.vanish();
}
