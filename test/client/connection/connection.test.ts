import { describe, expect, it } from "vitest";
import { CLOSE_CODES } from "../../../src/protocol/close-codes.ts";
import type { ErrorCode } from "../../../src/protocol/errors.ts";
import { at } from "../support/fake-transport.ts";
import { FIRST_ATTEMPT, settled } from "../support/fake-world.ts";
import { comeBack, live, Visit, visit } from "../support/test-client.ts";

const comingBack = Object.values(CLOSE_CODES).filter(({ recovery }) => recovery === "reconnect");
const stayingAway = Object.entries(CLOSE_CODES).filter(([, { recovery }]) => recovery === "do not retry");

describe("joining", () => {
  it("[J1 W1] a room is connecting until the welcome, then connected", async () => {
    const made = new Visit();
    await settled();

    expect(made.room.state).toBe("connecting");
    expect(made.room.transport).toBeUndefined();

    made.line.welcome();

    expect(made.room.state).toBe("connected");
    expect(made.room.transport).toBe("websocket");
    expect(made.room.self).toBe("me");
    expect(made.told.state).toEqual([{ state: "connected", reason: "the room was joined" }]);
  });

  it("[J3 J6 J7] a join has the parameters of the options", async () => {
    const made = new Visit({
      key: "keykeykeykeykeykeykey1",
      rewind: 20,
      presence: { name: "Ana" },
      mode: "count",
      view: false,
    });
    await settled();

    expect(made.line.target).toEqual({
      room: "https://parlor.example/rooms/lobby",
      key: "keykeykeykeykeykeykey1",
      attempt: FIRST_ATTEMPT + 1,
      after: undefined,
      rewind: 20,
      presence: '{"name":"Ana"}',
      mode: "count",
      roster: undefined,
      state: false,
      view: false,
    });
  });

  it("[J3] a client generates a key, and keeps it", async () => {
    const made = await visit();
    await comeBack(made);

    expect(made.room.key).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(made.dialled.map(({ target }) => target.key)).toEqual([made.room.key, made.room.key]);
  });

  it("[W1] the event welcome has the contents of the welcome without its secrets", async () => {
    const made = await visit();

    expect(made.told.welcome).toMatchObject([{ member: "me", position: at(0), mode: "list" }]);
    expect(JSON.stringify(made.told.welcome)).not.toContain("keykey");
    expect(JSON.stringify(made.told.welcome)).not.toContain("sessionsession");
  });
});

describe("reconnecting", () => {
  it("[C1 G4] after a broken connection a client reconnects with its position", async () => {
    const made = await visit({ rewind: 10 }, { position: at(41) });

    made.line.end();

    expect(made.room.state).toBe("reconnecting");
    expect(made.told.state.at(-1)).toEqual({ state: "reconnecting", reason: "", code: 1006, retryInMs: 500 });

    await made.world.pass(500);

    expect(made.dialled).toHaveLength(2);
    expect(made.line.target).toMatchObject({ after: at(41) });
  });

  it.each(comingBack)("[C1] a client reconnects after close code $code: $text", async ({ code, text }) => {
    const made = await visit();

    made.line.end(code, text);
    await made.world.pass(1_000);

    expect(made.told.state.at(-1)).toMatchObject({ state: "reconnecting", code, reason: text });
    expect(made.dialled).toHaveLength(2);
  });

  it.each([1000, 1001, 1005, 1006, 1011, 4499])(
    "[C1 V1] a client reconnects after the unknown close code %i",
    async (code) => {
      const made = await visit();

      made.line.end(code);
      await made.world.pass(1_000);

      expect(made.dialled).toHaveLength(2);
    },
  );

  it.each(stayingAway)("[C1] a client does not retry after %s", async (name, { code, text }) => {
    const made = await visit();
    await live(made, 60_000); // Earlier, one of its own attempts may have caused `replaced`.

    made.line.end(code, text);
    await made.world.pass(3_600_000);

    expect(made.room.state).toBe("closed");
    expect(made.dialled).toHaveLength(1);
    expect(made.told.closed).toMatchObject([{ code, reason: text, error: { code: name, message: text } }]);
  });

  it("[C1 V1] a client does not retry after an unknown close code of 4500 or more", async () => {
    const made = await visit();

    made.line.end(4999, "something new");
    await made.world.pass(3_600_000);

    expect(made.dialled).toHaveLength(1);
    expect(made.told.closed).toMatchObject([
      { code: 4999, error: { code: "close_4999", message: "something new" } },
    ]);
  });

  it("[J5] a connection that was closed does not affect the next one", async () => {
    const made = await visit();
    const old = made.line;
    made.world.signals?.onBack();
    await made.world.pass(10_000); // the ping has no reply
    await made.world.pass(1_000);
    made.line.welcome({ recovered: true });

    old.deliver({ type: "message", offset: 1, time: 1, from: "ana", event: "chat", data: "late" });
    old.end(CLOSE_CODES.replaced.code, CLOSE_CODES.replaced.text);

    expect(made.room.state).toBe("connected");
    expect(made.told.message).toEqual([]);
  });
});

describe("rejected joins", () => {
  it.each([
    ["token_invalid", 4_000],
    ["banned", 300_000],
    ["unknown_kind", 30_000],
    ["refused", 60_000],
  ])(
    "[E2 C1] a client joins after a rejection with %s that states when to retry",
    async (code, retryAfterMs) => {
      const made = new Visit();
      await settled();

      made.line.deliver({ type: "error", code: code as ErrorCode, message: "not now", retryAfterMs });
      made.line.end(CLOSE_CODES.not_now.code, CLOSE_CODES.not_now.text);
      await made.world.pass(retryAfterMs - 1);
      const early = made.dialled.length;
      await made.world.pass(501);
      made.line.welcome();

      expect(early).toBe(1);
      expect(made.told.state[0]).toMatchObject({ state: "connecting", error: { code, retryAfterMs } });
      expect(made.room.state).toBe("connected");
      expect(made.told.closed).toEqual([]);
    },
  );

  it("[J8 J9] the delay after a rejection is the requested one plus a random one", async () => {
    const made = new Visit();
    await settled();

    made.line.deliver({ type: "error", code: "room_full", message: "the room is full", retryAfterMs: 5_000 });
    made.line.end(CLOSE_CODES.overloaded.code, CLOSE_CODES.overloaded.text);

    expect(made.room.state).toBe("connecting");
    expect(made.told.state).toMatchObject([
      {
        state: "connecting",
        reason: "the room is full",
        code: 4005,
        retryInMs: 5_500,
        error: { code: "room_full", retryAfterMs: 5_000 },
      },
    ]);
    expect(made.told.error).toEqual([]);

    await made.world.pass(5_499);
    expect(made.dialled).toHaveLength(1);
    await made.world.pass(1);
    expect(made.dialled).toHaveLength(2);
  });

  it("[J8 E1] a room is closed with the code of a rejection after which clients do not retry", async () => {
    const made = new Visit();
    await settled();

    made.line.deliver({ type: "error", code: "bad_room", message: "a room's name is …" });
    made.line.end(CLOSE_CODES.bad_protocol.code, CLOSE_CODES.bad_protocol.text);

    expect(made.room.state).toBe("closed");
    expect(made.told.closed).toMatchObject([{ error: { code: "bad_room", message: "a room's name is …" } }]);
  });

  it("[S1] the delay that the stream requests with retry: is added", async () => {
    const made = await visit({ transports: ["sse"] });

    made.line.end(1006, "the stream ended", 3_000);

    expect(made.told.state.at(-1)).toMatchObject({ retryInMs: 3_500 });
  });
});

describe("delays", () => {
  it("[G10] the first delay is random too, and its maximum doubles up to the limit", async () => {
    const made = await visit({
      minReconnectDelayMs: 100,
      maxReconnectDelayMs: 1_000,
      transports: ["websocket"],
    });
    made.world.chance = 0.999;
    const waits: unknown[] = [];

    for (let attempt = 0; attempt < 6; attempt++) {
      made.line.end();
      waits.push(made.told.state.at(-1)?.retryInMs);
      await made.world.pass(1_000);
    }

    expect(waits).toEqual([100, 200, 400, 799, 999, 999]);
  });

  it("[G10] the backoff starts again after a stable connection, and not after a short one", async () => {
    const made = await visit({ minReconnectDelayMs: 100 });

    made.line.end();
    await made.world.pass(50);
    made.line.welcome({ recovered: true });
    made.line.end(CLOSE_CODES.restart.code);
    expect(made.told.state.at(-1)).toMatchObject({ retryInMs: 100 });

    await made.world.pass(100);
    made.line.welcome({ recovered: true });
    await made.world.pass(9_000);
    made.line.deliver({ type: "pong" });
    await made.world.pass(1_000);
    made.line.end(CLOSE_CODES.restart.code);
    expect(made.told.state.at(-1)).toMatchObject({ retryInMs: 50 });
  });

  it("[G10] delays after a stable connection are at most half of the outage, so that clients reconnect soon after a short restart", async () => {
    const made = await visit({ transports: ["websocket"] });
    await live(made, 300_000);
    made.world.chance = 1;
    const outage: [awayMs: number, waitMs: number | undefined][] = [];

    const lostAt = made.world.now();
    while (made.world.now() - lostAt < 120_000) {
      made.line.end();
      outage.push([made.world.now() - lostAt, made.told.state.at(-1)?.retryInMs]);
      await made.nextDial();
    }

    expect(outage.slice(0, 6)).toEqual([
      ...[
        [0, 1_000],
        [1_000, 1_000],
        [2_000, 1_000],
        [3_000, 1_500],
        [4_500, 2_250],
        [6_750, 3_375],
      ],
    ]);
    expect(outage.at(-1)).toEqual([expect.any(Number), 30_000]);
  });

  it("[G10 E1] delays after a stable connection start after the time that the server requests", async () => {
    const made = await visit({ transports: ["sse"] });
    await live(made, 300_000);

    made.line.end(CLOSE_CODES.restart.code, CLOSE_CODES.restart.text, 4_000);

    expect(made.told.state.at(-1)).toMatchObject({ retryInMs: 4_500 });
  });

  it("[G10] a client reconnects at once when the network is available again", async () => {
    const made = await visit();
    made.line.end();
    await settled();

    made.world.signals?.onBack();
    await settled();

    expect(made.dialled).toHaveLength(2);
    expect(made.world.timers).toEqual([10_000]); // the timeout of the attempt
  });
});
