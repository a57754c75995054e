import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { setLogLevel } from "../../../src/metrics/log.ts";
import { serveKinds as to } from "../support/kinds.ts";
import { STRICT, beBanned, beRefused } from "../support/penalties.ts";
import { request, roomPath, uniqueAddress, uniqueRoom } from "../support/rooms.ts";
import { joinSse, post } from "../support/sse.ts";
import { join, joinWebSocket } from "../support/websocket.ts";

/** The lines logged since the test began. */
let lines: { readonly event: string; readonly room?: string; readonly at?: string; readonly count: number }[];

beforeEach(async () => {
  lines = [];
  setLogLevel("info");
  vi.spyOn(console, "info").mockImplementation((line: string) => void lines.push(JSON.parse(line)));
  // Other files share the runtime, and their counts at the edge may not be logged yet.
  await request(roomPath("a", "/events?key=x"));
  await counted("refused", { at: "edge" });
  lines = [];
});
afterEach(() => {
  vi.restoreAllMocks();
  setLogLevel("warn");
});

/**
 * Waits until a counter is logged with these fields, and returns its lines.
 *
 * @param count the sum to wait for; any sum if absent
 */
function counted(
  event: string,
  { count, ...of }: { count?: number; room?: string; at?: string; code?: string },
) {
  return vi.waitFor(
    () => {
      const isOf = (line: object): boolean =>
        Object.entries({ event, ...of }).every(([name, value]) => Reflect.get(line, name) === value);
      const logged = lines.filter(isOf);
      const sum = logged.reduce((total, line) => total + line.count, 0);
      expect(sum).toBe(count ?? Math.max(1, sum));
      return logged;
    },
    { timeout: 5_000 },
  );
}

describe("refusals are counted", () => {
  it("[G10] a room logs its refusals in one line per second", async () => {
    const room = uniqueRoom("strict");
    const ana = await join(room, { to });

    await beRefused(ana, 4);

    expect(await counted("refused", { count: 4, room })).toEqual([
      { level: "info", event: "refused", room, code: "bad_frame", count: 4 },
    ]);
  });

  it("[G10] refusals are counted by code and limit, and the resulting mutes and bans are counted too", async () => {
    const room = uniqueRoom("strict");

    await beBanned(await join(room, { to }));

    await counted("refused", { count: STRICT.maxRefusals, room });
    await counted("penalised", { count: 2, room });
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ event: "penalised", penalty: "mute", count: 1 }),
        expect.objectContaining({ event: "penalised", penalty: "ban", count: 1 }),
      ]),
    );
  });

  it("[G10 G5] a refused POST is counted once, in the room that refuses it", async () => {
    const room = uniqueRoom("strict");
    const ana = await joinSse(room, { to });

    const answer = await post(room, ana, { type: "publish" }, {}, to);

    expect(answer.status).toBe(400);
    expect(await counted("refused", { count: 1, code: "bad_frame" })).toMatchObject([{ room }]);
  });

  it("[G10 G12] refused joins and requests at the edge are counted for every transport", async () => {
    await (
      await joinWebSocket("a", { query: { key: "x" } })
    ).closed;
    await request(roomPath("a", "/events?key=x"));
    await request(roomPath("a", "/events?key=x"), { headers: { Accept: "text/event-stream" } });

    expect(await counted("refused", { count: 3, at: "edge", code: "bad_key" })).not.toEqual([]);
  });

  it("[G10] a join that a room refuses is counted once, at the edge", async () => {
    const room = uniqueRoom("strict");
    const headers = { "CF-Connecting-IP": uniqueAddress() };
    await beBanned(await join(room, { to, headers }));

    const answer = await request(roomPath(room, "/events"), { headers }, to);

    expect(await answer.json()).toMatchObject({ code: "banned" });
    expect(await counted("refused", { count: 1, code: "banned" })).toMatchObject([
      { at: "edge", limit: "maxRefusals" },
    ]);
  });
});
