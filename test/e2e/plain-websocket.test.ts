import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Page } from "playwright-core";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { browserAvailable, launchBrowser } from "../support/browser.ts";
import { uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { startServer } from "../support/server.ts";
import { joinWebSocket } from "../support/websocket-member.ts";

const why = browserAvailable.ok ? "" : ` (skipped: ${browserAvailable.why})`;

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe.skipIf(!browserAvailable.ok)("a browser's WebSocket", () => {
  it(`[J2 J3] a browser's WebSocket can offer the key as a subprotocol, and the response names only parlor.v1${why}`, async () => {
    await using browser = await launchBrowser();
    const page = await browser.newPage();

    const { protocol, frames } = await talk(page, `${server.wsUrl}/rooms/${uniqueRoom()}`, [
      "parlor.v1",
      "resume.AAAAAAAAAAAAAAAAAAAAAA",
    ]);

    expect(protocol).toBe("parlor.v1");
    expect(frames[0]).toMatchObject({ type: "welcome", key: "AAAAAAAAAAAAAAAAAAAAAA" });
  });

  it.each([
    ["an unknown subprotocol", "/rooms/lobby", ["parlor.v9"], "version", 4502],
    ["an unknown kind", "/rooms/nokind:x", [], "unknown_kind", 4007],
    ["an invalid room name", "/rooms/a%2Fb", [], "bad_room", 4500],
    ["a malformed key", "/rooms/lobby?key=short", [], "bad_key", 4500],
  ])(
    `[J2 J8 N1 N2] a browser's WebSocket receives the error of a rejected join: %s${why}`,
    async (_what, path, protocols, error, code) => {
      await using browser = await launchBrowser();
      const page = await browser.newPage();

      const seen = await talk(page, `${server.wsUrl}${path}`, protocols);

      expect(seen.frames).toMatchObject([{ type: "error", code: error }]);
      expect(seen.code).toBe(code);
    },
  );
});

describe("npm run dev", () => {
  it("[J1 C2] npm run dev prints no stack trace for joins, leaves, killed clients and Ctrl-C", async () => {
    await using own = await startServer({ vars: { GRACE_MS: "0" } });
    const room = uniqueRoom();
    const [ana, ben, eve] = [
      await joinWebSocket(own, room),
      await joinWebSocket(own, room),
      await joinWebSocket(own, room),
    ];
    await Promise.all([ana.welcome(), ben.welcome(), eve.welcome()]);
    ana.close(1000, "bye");
    expect(await ana.closed).toEqual({ code: 1000, reason: "bye" });
    ben.vanish();
    await eve.inbox.take("presence", ({ left }) => left?.[0]?.id === ben.member);
    eve.send({ type: "leave" });
    expect(await eve.closed).toMatchObject({ code: 4507 });

    const stop = await own.stop();

    expect(stop.forced).toBe(false);
    expect(own.output()).not.toMatch(/^\s+at |Error/m);
  });
});

/** Opens a WebSocket in a page. Returns everything up to the first frame or the close. */
function talk(
  page: Page,
  url: string,
  protocols: readonly string[],
): Promise<{ protocol: string; frames: unknown[]; code: number }> {
  return page.evaluate(
    ([address, offered]) =>
      new Promise((resolve) => {
        const socket = new WebSocket(address, [...offered]);
        const frames: unknown[] = [];
        const answer = (code: number): void => resolve({ protocol: socket.protocol, frames, code });
        socket.addEventListener("message", ({ data }: MessageEvent<string>) => {
          const frame = JSON.parse(data) as { type: string };
          frames.push(frame);
          if (frame.type === "welcome") answer(0);
        });
        socket.addEventListener("close", ({ code }) => answer(code));
      }),
    [url, protocols] as const,
  );
}

describe("an invalid configuration", () => {
  it("[L1] a server with an invalid configuration does not start, and reports every problem at once", async () => {
    const start = startBareRuntime({ vars: { MAX_MEMBERS: "many", SSE_RETRY_MS: "1", LOG_LEVEL: "loud" } });

    await expect(start).rejects.toThrow(/3 problems.*MAX_MEMBERS is \\?"many\\?".*SSE_RETRY_MS.*LOG_LEVEL/s);
  });
});
