import { setTimeout as delay } from "node:timers/promises";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { joinRoom, ParlorError, type Room, type TransportName } from "../../src/client/index.ts";
import { check } from "../checker/check.ts";
import { Record } from "../checker/record.ts";
import { browserAvailable, launchBrowser } from "../support/browser.ts";
import { ClientPage } from "../support/client-page.ts";
import { CuttableNetwork } from "../support/cuttable-network.ts";
import { roomUrl } from "../support/member.ts";
import { uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { startServer } from "../support/server.ts";

const why = browserAvailable.ok ? "" : ` (skipped: ${browserAvailable.why})`;

/** How long one page is offline: longer than any backoff of the client, and shorter than the server's heartbeat timeout. */
const CUT_MS = 20_000;

let server: ServerProcess;
let browser: Browser;

beforeAll(async () => {
  server = await startServer({ vars: { ADDRESS_LIMITS: "off" } });
  if (browserAvailable.ok) browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
});

describe.skipIf(!browserAvailable.ok)("two browser pages with the client", () => {
  it(`[G1 G3 G4 G5 G6 G8 G9] two pages, over WebSocket and over SSE, lose nothing through a kill -9 and 20 s without network${why}`, async () => {
    await using network = await CuttableNetwork.to(Number(new URL(server.url).port));
    const room = uniqueRoom();
    const ana = await ClientPage.open(browser, roomUrl(server.url, room), "websocket");
    const ben = await ClientPage.open(browser, roomUrl(network.url, room), "sse");
    const record = new Record();
    const before = await Promise.all([ana.self(), ben.self()]);
    expect(before.map(({ transport }) => transport)).toEqual(["websocket", "sse"]);
    let published = 0;
    const speak = async (): Promise<void> => {
      for (const [name, page] of [
        ["ana", ana],
        ["ben", ben],
      ] as const) {
        const id = `${name}-${++published}`;
        record.sent(name, id);
        await page.say(id);
      }
    };

    for (let n = 0; n < 10; n++) await speak();
    await ana.point(1);
    await ben.until(({ notes }) => notes.some(({ what }) => what === "cursor"));
    await ben.point(2);
    await ana.until(({ notes }) => notes.some(({ what }) => what === "cursor"));

    const killed = server.kill();
    for (let n = 0; n < 5; n++) await speak();
    await killed;
    await server.restart();
    for (let n = 0; n < 5; n++) await speak();
    await allAcked(published, ana, ben);

    network.cut();
    for (let n = 0; n < 5; n++) await speak();
    await delay(CUT_MS);
    network.mend();
    for (let n = 0; n < 5; n++) await speak();
    await allAcked(published, ana, ben);
    for (const page of [ana, ben])
      await page.until(({ room: { position } }, end) => position.endsWith(end), `:${published}`);

    for (const [name, page] of [
      ["ana", ana],
      ["ben", ben],
    ] as const) {
      for (const note of await page.notes()) {
        if (note.what === "acked") record.acked(note.id, note.offset);
        else if (note.what === "joined" || note.what === "saw") record.observed(name, note);
      }
    }
    expect(check(record, published)).toEqual([]);
    // Each page sees each join once, including its own welcome. Neither the crash nor the cut is reported as a join or leave.
    for (const page of [ana, ben]) {
      const moves = (await page.notes()).filter((note) => note.what === "came" || note.what === "went");
      expect(moves).toEqual(before.map(({ self }) => ({ what: "came", id: self })));
    }
    expect(await Promise.all([ana.self(), ben.self()])).toMatchObject(before.map(({ self }) => ({ self })));
  });
});

describe("two clients in Node", () => {
  it("[T1 T2 T4 A3 G3 G5 G6] two clients that count by compare-and-set, over WebSocket and over SSE, lose no step through a kill -9", async () => {
    const room = uniqueRoom();
    const counters = (["websocket", "sse"] as const).map((transport) => joinHere(room, transport));
    const steps: number[] = [];

    const counted = Promise.all(counters.map((counter) => count(counter, STEPS, steps)));
    await expect.poll(() => steps.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(STEPS / 2);
    const whenKilled = steps.length;
    await server.restart();
    await counted;

    // Every step has its own offset, which is the version that the next step was compared with.
    expect(whenKilled).toBeLessThan(2 * STEPS);
    expect(new Set(steps).size).toBe(2 * STEPS);
    const last = { count: { value: 2 * STEPS, version: Math.max(...steps) } };
    const answer = await fetch(roomUrl(server.url, room, "/state"));
    const { state } = (await answer.json()) as { readonly state: unknown };
    expect(state).toEqual({ count: [last.count.value, last.count.version] });
    for (const { shared } of counters) {
      await expect.poll(() => Object.fromEntries(shared), { timeout: 10_000 }).toEqual(last);
    }
    for (const counter of counters) counter.close();
  });

  it("[T2 A3] two clients that update one value, sequentially and concurrently, lose no step through a kill -9", async () => {
    const room = uniqueRoom();
    const counters = [joinHere(room, "websocket"), joinHere(room, "sse")];
    const steps: number[] = [];
    const step = async (counter: Room): Promise<void> => {
      steps.push((await counter.shared.update("count", (count = 0) => Number(count) + 1)).offset);
    };
    const stepByStep = counters.map(async (counter) => {
      for (let n = 0; n < STEPS / 2; n++) await step(counter);
    });
    const allAtOnce = counters.flatMap((counter) => Array.from({ length: STEPS / 2 }, () => step(counter)));

    const counted = Promise.all([...stepByStep, ...allAtOnce]);
    await expect.poll(() => steps.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(STEPS);
    await server.restart();
    await counted;

    const answer = await fetch(roomUrl(server.url, room, "/state"));
    expect(await answer.json()).toMatchObject({ state: { count: [2 * STEPS, Math.max(...steps)] } });
    for (const counter of counters) counter.close();
  });
});

/** The number of steps of each client. */
const STEPS = 100;

/** Joins a room of the server over one transport. */
function joinHere(room: string, transport: TransportName): Room {
  return joinRoom(roomUrl(server.url, room), {
    transports: [transport],
    minReconnectDelayMs: 100,
    maxReconnectDelayMs: 1_000,
  });
}

/** Counts up by compare-and-set. Retries a step after a conflict. Notes the offset of each step. */
async function count(room: Room, steps: number, noted: number[]): Promise<void> {
  for (let step = 0; step < steps;) {
    const { value = 0, version } = room.shared.get("count") ?? {};
    try {
      const { offset } = await room.shared.set({ count: Number(value) + 1 }, { if: { count: version } });
      noted.push(offset);
      step++;
      await knownAt(room, offset);
    } catch (error) {
      if (!(error instanceof ParlorError) || error.code !== "conflict") throw error;
      await knownAt(room, error.versions?.["count"] ?? 0);
    }
  }
}

/** Resolves once a client has the count at an offset. Over SSE a reply may arrive before the change that it acknowledges. */
function knownAt(room: Room, offset: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (): void => {
    if ((room.shared.get("count")?.version ?? 0) >= offset) resolve();
  };
  const stop = room.on("shared", look);
  look();
  return promise.finally(stop);
}

/** Resolves once every message of all pages has been acknowledged. */
async function allAcked(published: number, ...pages: readonly ClientPage[]): Promise<void> {
  await expect
    .poll(
      async () => {
        const notes = await Promise.all(pages.map((page) => page.notes()));
        return notes.flat().filter(({ what }) => what === "acked").length;
      },
      { timeout: 90_000 },
    )
    .toBe(published);
}
