import { afterEach, describe, expect, it, vi } from "vitest";
import { eventsUrl, messagesUrl, roomAddress, socketUrl } from "../../../src/client/transports/address.ts";
import { makeDialers } from "../../../src/client/transports/dialers.ts";
import { realEnvironment } from "../../../src/client/runtime/environment.ts";
import { encodePublish } from "../../../src/client/sending/encode.ts";
import { joinRoom } from "../../../src/client/index.ts";
import { settle } from "../../../src/client/options.ts";
import { sseTransport } from "../../../src/client/transports/sse-transport.ts";
import type { Target, Transport, TransportEnd } from "../../../src/client/transports/transport.ts";
import type { ServerFrame } from "../../../src/protocol/frames.ts";
import { settled } from "../support/fake-world.ts";
import { joined } from "../support/test-client.ts";
import { RecordingListener, TARGET, silentStream } from "../support/transports.ts";

const { room: ROOM, key: KEY } = TARGET;

afterEach(() => void vi.unstubAllGlobals());

/** An SSE connection for which `answer` responds to requests. */
async function openStream(answer: typeof fetch): Promise<{
  readonly transport: Transport;
  readonly frames: readonly ServerFrame[];
  readonly ends: readonly TransportEnd[];
}> {
  const listener = new RecordingListener();
  const transport = sseTransport(TARGET, listener, answer);
  await settled();
  return { transport, frames: listener.frames, ends: listener.ends };
}

describe("a runtime without", () => {
  it("[G5 H1] a runtime without AbortSignal.any and AbortSignal.timeout sends acts over SSE", async () => {
    vi.stubGlobal(
      "AbortSignal",
      class extends AbortSignal {
        static override any = undefined as never;
        static override timeout = undefined as never;
      },
    );
    const { transport, frames, ends } = await openStream(async (_url, init) =>
      init?.method === "POST" ? Response.json({ type: "ack", offset: 1 }) : silentStream(),
    );

    transport.send({ text: "{}", refs: [7], authority: "s.k" });
    await settled();

    expect(frames).toEqual([{ type: "ack", offset: 1, ref: 7 }]);
    expect(ends).toEqual([]);
  });

  it("[J3] a runtime without crypto joins with the application's key, and reports that it needs one", () => {
    vi.stubGlobal("crypto", undefined);

    expect(settle({ key: KEY }).key).toBe(KEY);
    expect(() => joinRoom(ROOM)).toThrow(/crypto\.getRandomValues.*option getRandomValues or key/);
  });

  it("[J1] a runtime whose URL cannot be changed finds every address of a room", () => {
    // Like React Native's URL: it adds a slash, has no setters, and its search parameters cannot be set.
    vi.stubGlobal(
      "URL",
      class {
        readonly href: string;
        constructor(text: string) {
          this.href = `${text}/`;
        }
        toString(): string {
          return this.href;
        }
      },
    );
    const room = roomAddress("wss://parlor.example/rooms/lobby/?v=1");
    const target: Target = { ...TARGET, room, attempt: 1, after: "Zk3:7", presence: '{"a":"é&b"}' };
    const query = "v=1&try=1&after=Zk3%3A7&presence=%7B%22a%22%3A%22%C3%A9%26b%22%7D";

    expect(room).toBe("https://parlor.example/rooms/lobby?v=1");
    expect(socketUrl(target)).toBe(`wss://parlor.example/rooms/lobby?${query}&flow=1`);
    expect(eventsUrl(target)).toBe(`https://parlor.example/rooms/lobby/events?${query}&key=${KEY}`);
    expect(messagesUrl(target)).toBe("https://parlor.example/rooms/lobby/messages?v=1");
  });

  it("[J1] a runtime without TextEncoder measures what it sends", () => {
    vi.stubGlobal("TextEncoder", undefined);

    const { text, bytes } = encodePublish("chat", "é😀", {});
    expect(bytes).toBe(Buffer.byteLength(text));
  });

  it("[G5] a runtime without WebSocket uses only SSE and long-poll, and reports what is missing if it cannot", () => {
    vi.stubGlobal("WebSocket", undefined);

    expect(settle({}).transports).toEqual(["sse", "long-poll"]);
    expect(() => joinRoom(ROOM, { transports: ["websocket"] })).toThrow(
      /no transport of \[websocket\] works here.*version 22.*option/,
    );
  });

  it("[G5] a runtime without a streaming fetch does not use SSE, and reports what is missing if it cannot", () => {
    vi.stubGlobal("Response", class {});

    expect(settle({}).transports).toEqual(["websocket", "long-poll"]);
    expect(settle({ fetch: globalThis.fetch }).transports).toEqual(["websocket", "sse", "long-poll"]);
    expect(() => joinRoom(ROOM, { transports: ["sse"] })).toThrow(
      /no transport of \[sse\] works here.*option/,
    );
  });

  it("[G5] a response without a readable body ends the attempt over SSE, with a reason", async () => {
    const headers = new Headers({ "Content-Type": "text/event-stream" });
    const { ends } = await openStream(async () => ({ ok: true, status: 200, headers }) as Response);

    expect(ends).toMatchObject([
      { code: 1006, reason: expect.stringContaining("no body that can be read") as string },
    ]);
  });

  it("[G5] a runtime without events of the network and the page works without them", () => {
    vi.stubGlobal("addEventListener", undefined);
    vi.stubGlobal("document", {});

    const unwatch = realEnvironment.watch({ wake: () => undefined, check: () => undefined });

    expect(unwatch).not.toThrow();
  });

  it("[C1] a runtime with network and page events is watched until the watch is stopped", () => {
    const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
    vi.stubGlobal("document", page);
    let times = 0;

    const unwatch = realEnvironment.watch({ wake: () => times++, check: () => undefined });
    page.dispatchEvent(new Event("visibilitychange"));
    unwatch();
    page.dispatchEvent(new Event("visibilitychange"));

    expect(times).toBe(1);
  });
});

describe("errors of listeners", () => {
  it.each([
    ["Mozilla/5.0 (X11; Linux x86_64)", 1, 0],
    ["Deno/2.9.6", 0, 1],
    ["Bun/1.4.5", 0, 1],
    ["Node.js/22", 0, 1],
    [undefined, 0, 1],
  ])(
    "[G5] a listener's error is uncaught only in browsers, because it ends other processes: %s",
    (userAgent, reports, lines) => {
      const reported: unknown[] = [];
      const logged: unknown[] = [];
      vi.stubGlobal("navigator", { userAgent });
      vi.stubGlobal("reportError", (error: unknown) => reported.push(error));
      vi.stubGlobal("console", { error: (error: unknown) => logged.push(error) });

      realEnvironment.report(new Error("a mistake"));

      expect([reported.length, logged.length]).toEqual([reports, lines]);
    },
  );

  it("[G5] a listener's error is reported, also if it is asynchronous, and the next listener is called", async () => {
    const client = await joined();
    let told = 0;
    client.room.on("error", () => {
      throw new Error("thrown");
    });
    client.room.on("error", (): void => Promise.reject(new Error("rejected")) as never);
    client.room.on("error", () => told++);

    client.transport.deliver({ type: "error", code: "bad_frame", message: "m" });
    await settled();

    expect(told).toBe(1);
    expect(client.world.reported.map(String)).toEqual(["Error: thrown", "Error: rejected"]);
  });
});

describe("a token", () => {
  it.each([undefined, null, "", Promise.resolve(undefined)])(
    "[D1] a client whose getToken returns %s joins without a token, over either transport",
    async (nothing) => {
      const offered: string[][] = [];
      const headers: unknown[] = [];
      const WebSocket = class {
        constructor(_url: string, protocols: string[]) {
          offered.push(protocols);
        }
        addEventListener(): void {}
      } as never;
      const fetch_: typeof fetch = async (_url, init) => {
        headers.push(init?.headers);
        return silentStream();
      };
      const listener = new RecordingListener();
      const dialers = makeDialers({ WebSocket, fetch: fetch_, getToken: () => nothing });

      await dialers.websocket(TARGET, listener, () => true);
      await dialers.sse(TARGET, listener, () => true);

      expect(offered).toEqual([["parlor.v1", `resume.${KEY}`]]);
      expect(headers).toEqual([{}]);
    },
  );

  it("[D1] a token that is not a string fails the attempt, with a reason", async () => {
    await expect(
      makeDialers({
        WebSocket: class {} as never,
        fetch,
        getToken: () => ({ token: "t" }) as never,
      }).websocket(TARGET, new RecordingListener(), () => true),
    ).rejects.toThrow("getToken returned object, not a token");
  });

  it.each(["Bearer t", "<html>", '{"token":"t"}'])(
    "[D1] text that is not a token, such as %s, fails the attempt, with a reason that does not contain it",
    async (text) => {
      await expect(
        makeDialers({ WebSocket: class {} as never, fetch, getToken: () => text }).websocket(
          TARGET,
          new RecordingListener(),
          () => true,
        ),
      ).rejects.toThrow(/^getToken returned string, not a token$/);
    },
  );

  it("[D7] a token for which getToken returns nothing is not renewed, and the connection continues", async () => {
    const client = await joined({ getToken: () => undefined }, { expiresInMs: 10_000 });

    await client.world.pass(9_000);

    expect(client.transport.tokens).toEqual([]);
    expect(client.room.connection.state).toBe("open");
  });
});
