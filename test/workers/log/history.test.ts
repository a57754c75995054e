import { describe, expect, it } from "vitest";
import { retentionOf } from "../support/retention.ts";
import { historyOf, loadLog, type ReadHistory } from "../support/logs.ts";
import { crash, evict, inRoom, request, roomPath, rowsOf, tablesOf, uniqueRoom } from "../support/rooms.ts";
import { joinSse, post } from "../support/sse.ts";
import { join, type WebSocketMember } from "../support/websocket.ts";

/** A room with this many messages, some of which share a row. */
async function roomWith(count: number, room = uniqueRoom()): Promise<{ room: string; ana: WebSocketMember }> {
  const ana = await join(room);
  for (let ref = 1; ref <= count;) {
    const frames = [];
    for (let size = 0; size < 3 && ref <= count; size++, ref++)
      frames.push({ type: "publish", ref, event: "n", data: ref });
    ana.send(frames);
  }
  await ana.inbox.until(({ messages }) => messages.length === count);
  return { room, ana };
}

async function read(room: string, query = ""): Promise<ReadHistory & { readonly position: string | null }> {
  const response = await request(`${roomPath(room, "/history")}${query}`);
  expect(response.status).toBe(200);
  expect(response.headers.get("Content-Type")).toContain("application/json");
  return response.json();
}

const offsets = ({ messages }: ReadHistory): unknown[] => messages.map(({ offset }) => offset);

describe("history over HTTP", () => {
  it.each([
    ["the last messages without bounds", "?limit=4", [17, 18, 19, 20], true],
    ["the last messages of the range with before", "?before=5&limit=3", [2, 3, 4], true],
    ["the messages from the beginning with before", "?before=4&limit=3", [1, 2, 3], false],
    ["the first messages of the range with after", "?after=5&limit=3", [6, 7, 8], true],
    ["the messages to the end with after", "?after=17&limit=3", [18, 19, 20], false],
    ["the first messages between both bounds", "?after=5&before=10&limit=3", [6, 7, 8], true],
    ["nothing if both bounds enclose nothing", "?after=5&before=6", [], false],
    ["nothing after the end", "?after=20", [], false],
    ["nothing after an offset beyond the end", "?after=999", [], false],
    ["nothing before the beginning", "?before=1", [], false],
    [
      "everything if the limit is large enough",
      "?after=0&limit=500",
      Array.from({ length: 20 }, (_, i) => i + 1),
      false,
    ],
  ])("[H5 A8] history over HTTP returns %s", async (_what, query, wanted, more) => {
    const { room, ana } = await roomWith(20);

    const page = await read(room, query);

    expect(offsets(page)).toEqual(wanted);
    expect(page).toMatchObject({ more, position: ana.position });
  });

  it("[H5 G1 G5] history over HTTP shows the messages as they were delivered, also after a sleep and a crash", async () => {
    const { room, ana } = await roomWith(7);
    const delivered = ana.inbox.messages;

    expect((await read(room)).messages).toEqual(delivered);
    await evict(room);
    expect((await read(room)).messages).toEqual(delivered);
    await crash();
    expect((await read(room)).messages).toEqual(delivered);
  });

  it("[H5 N3] the history of a room that nobody joined is empty, and reading it creates no tables", async () => {
    const room = uniqueRoom();

    expect(await read(room)).toEqual({ messages: [], more: false, position: null });
    expect(await tablesOf(room)).toEqual([]);
  });

  it.each(["?limit=0", "?limit=501", "?limit=x", "?after=-1", "?before=1.5", "?after=1e3"])(
    "[H5 E1] history over HTTP rejects %s",
    async (query) => {
      const response = await request(roomPath(uniqueRoom(), `/history${query}`));

      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ type: "error", code: "bad_request" });
    },
  );

  it("[H5] a page of large messages is shorter, and the next page continues after it", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const big = "x".repeat(60_000);
    for (let n = 0; n < 4; n++) await ana.publish("big", big);
    const seen: unknown[] = [];

    for (let after = 0, more = true; more;) {
      const page = await read(room, `?after=${after}&limit=500`);
      seen.push(...offsets(page));
      after = Number(seen.at(-1));
      more = page.more;
    }

    expect(seen).toEqual([1, 2, 3, 4]);
  });

  it("[H5 H4] a POST to the history of a room is rejected", async () => {
    expect((await request(roomPath(uniqueRoom(), "/history"), { method: "POST" })).status).toBe(405);
  });
});

describe("history in a frame", () => {
  it("[A8 G5] a history frame gets the same reply over a socket and by POST", async () => {
    const { room, ana } = await roomWith(5);
    const bob = await joinSse(room);
    const wanted = {
      type: "history",
      ref: 99,
      messages: ana.inbox.messages.slice(1, 3),
      more: true,
      next: 2,
    };
    const ask = { type: "history", ref: 99, before: 4, limit: 2 };

    ana.send(ask);

    expect(await ana.inbox.take("history")).toEqual(wanted);
    expect((await post(room, bob, ask)).body).toEqual(wanted);
  });

  it("[A8 F5] a history frame without a ref gets a reply as well", async () => {
    const { ana } = await roomWith(1);

    ana.send({ type: "history" });

    expect(await ana.inbox.take("history")).toEqual({
      type: "history",
      messages: ana.inbox.messages,
      more: false,
    });
  });

  it("[A8 G1] a history frame sees exactly the publishes that precede it in the same frame, already stored", async () => {
    const { room, ana } = await roomWith(1);

    ana.send([
      { type: "publish", ref: 50, event: "n" },
      { type: "history", ref: 51 },
      { type: "publish", ref: 52, event: "n" },
    ]);
    await ana.inbox.take("ack", ({ ref }) => ref === 52);

    const { messages } = await ana.inbox.take("history");
    expect(messages).toEqual(ana.inbox.messages.slice(0, 2));
    expect(ana.inbox.all.flatMap((frame) => ("ref" in frame ? [frame.ref] : [])).slice(-3)).toEqual([
      50, 51, 52,
    ]);
    expect((await rowsOf(room)).map(({ last }) => last)).toEqual([1, 2, 3]);
  });

  it("[A8 G2] a history frame does not see what the storage rejected", async () => {
    const { room, ana } = await roomWith(1);
    await inRoom(room, ({ storage }) =>
      storage.sql.exec("CREATE TRIGGER full BEFORE INSERT ON segment BEGIN SELECT RAISE(ABORT, 'full'); END"),
    );

    ana.send([
      { type: "publish", ref: 50, event: "n" },
      { type: "history", ref: 51 },
    ]);

    expect(await ana.inbox.take("error")).toMatchObject({ ref: 50, code: "unavailable" });
    expect((await ana.inbox.take("history")).messages).toEqual(ana.inbox.messages.slice(0, 1));
  });

  it.each([
    ["a negative bound", { after: -1 }],
    ["a bound that is not a number", { before: "1" }],
    ["a limit of 0", { limit: 0 }],
    ["a limit above 500", { limit: 501 }],
  ])("[A8 F2] a history frame with %s is rejected", async (_what, bounds) => {
    const ana = await join(uniqueRoom());

    ana.send({ type: "history", ref: 1, ...bounds });

    expect(await ana.inbox.take("error")).toMatchObject({ ref: 1, code: "bad_frame" });
  });
});

it("[A8 H5 P5] messages dropped by the retention are not in history", async () => {
  const { room } = await roomWith(20);

  const messages = await inRoom(room, ({ storage }) => {
    const { log } = loadLog(storage, retentionOf(10));
    return [{ after: 0, limit: 3 }, { before: 12, limit: 500 }, { limit: 500 }].map((range) =>
      historyOf(log, range, Date.now()),
    );
  });

  expect(messages.map(offsets)).toEqual([[11, 12, 13], [11], [11, 12, 13, 14, 15, 16, 17, 18, 19, 20]]);
  expect(messages.map(({ more }) => more)).toEqual([true, false, false]);
});
