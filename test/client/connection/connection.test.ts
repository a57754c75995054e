import { describe, expect, it } from "vitest";
import { CLOSE_CODES } from "../../../src/protocol/close-codes.ts";
import type { ErrorCode } from "../../../src/protocol/errors.ts";
import { at } from "../support/fake-transport.ts";
import { FIRST_ATTEMPT, settled } from "../support/fake-world.ts";
import { reconnect, stayConnected, TestClient, joined } from "../support/test-client.ts";

const comingBack = Object.values(CLOSE_CODES).filter(({ recovery }) => recovery === "reconnect");
const stayingAway = Object.entries(CLOSE_CODES).filter(([, { recovery }]) => recovery === "do not retry");

describe("joining", () => {
  it("[J1 W1] a connection is connecting until the welcome, then open", async () => {
    const client = new TestClient();
    await settled();

    expect(client.room.connection.state).toBe("connecting");
    expect(client.room.connection.transport).toBeUndefined();

    client.transport.welcome();

    expect(client.room.connection.state).toBe("open");
    expect(client.room.connection.transport).toBe("websocket");
    expect(client.room.self).toBe("me");
    expect(client.emitted.connection).toEqual([{ state: "open", transport: "websocket" }]);
  });

  it("[J3 J6 J7] a join has the parameters of the options", async () => {
    const client = new TestClient({
      key: "keykeykeykeykeykeykey1",
      rewind: 20,
      presence: { name: "Ana" },
      mode: "count",
      view: false,
    });
    await settled();

    expect(client.transport.target).toEqual({
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
    const client = await joined();
    await reconnect(client);

    expect(client.room.key).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(client.dialled.map(({ target }) => target.key)).toEqual([client.room.key, client.room.key]);
  });

  it("[W1] the event welcome has the contents of the welcome without its secrets", async () => {
    const client = await joined();

    expect(client.emitted.welcome).toMatchObject([{ member: "me", position: at(0), mode: "list" }]);
    expect(JSON.stringify(client.emitted.welcome)).not.toContain("keykey");
    expect(JSON.stringify(client.emitted.welcome)).not.toContain("sessionsession");
  });
});

describe("reconnecting", () => {
  it("[C1 G4] after a broken connection a client reconnects with its position", async () => {
    const client = await joined({ rewind: 10 }, { position: at(41) });

    client.transport.end();

    expect(client.room.connection.state).toBe("waiting");
    expect(client.emitted.connection.at(-1)).toEqual({
      state: "waiting",
      reason: "",
      code: 1006,
      nextTryAt: client.world.unixNow() + 500,
      advice: "wait",
    });

    await client.world.pass(500);

    expect(client.dialled).toHaveLength(2);
    expect(client.transport.target).toMatchObject({ after: at(41) });
  });

  it.each(comingBack)("[C1] a client reconnects after close code $code: $text", async ({ code, text }) => {
    const client = await joined();

    client.transport.end(code, text);
    expect(client.room.connection).toMatchObject({ state: "waiting", code, reason: text });
    await client.world.pass(1_000);

    expect(client.dialled).toHaveLength(2);
  });

  it.each([1000, 1001, 1005, 1006, 1011, 4499])(
    "[C1 V1] a client reconnects after the unknown close code %i",
    async (code) => {
      const client = await joined();

      client.transport.end(code);
      await client.world.pass(1_000);

      expect(client.dialled).toHaveLength(2);
    },
  );

  it.each(stayingAway)("[C1] a client does not retry after %s", async (name, { code, text }) => {
    const client = await joined();
    await stayConnected(client, 60_000); // Sooner, one of its own attempts may have caused `replaced`.

    client.transport.end(code, text);
    await client.world.pass(3_600_000);

    expect(client.room.connection.state).toBe("closed");
    expect(client.dialled).toHaveLength(1);
    expect(client.emitted.closed).toMatchObject([
      { code, reason: text, error: { code: name, message: text } },
    ]);
  });

  it("[C1 V1] a client does not retry after an unknown close code of 4500 or more", async () => {
    const client = await joined();

    client.transport.end(4999, "something new");
    await client.world.pass(3_600_000);

    expect(client.dialled).toHaveLength(1);
    expect(client.emitted.closed).toMatchObject([
      { code: 4999, error: { code: "close_4999", message: "something new" } },
    ]);
  });

  it("[J5] a connection that was closed does not affect the next one", async () => {
    const client = await joined();
    const old = client.transport;
    client.world.signals?.wake();
    await client.world.pass(10_000); // the ping is not answered
    await client.world.pass(1_000);
    client.transport.welcome({ recovered: true });

    old.deliver({ type: "message", offset: 1, time: 1, from: "ana", event: "chat", data: "late" });
    old.end(CLOSE_CODES.replaced.code, CLOSE_CODES.replaced.text);

    expect(client.room.connection.state).toBe("open");
    expect(client.emitted.message).toEqual([]);
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
      const client = new TestClient();
      await settled();

      client.transport.deliver({ type: "error", code: code as ErrorCode, message: "not now", retryAfterMs });
      client.transport.end(CLOSE_CODES.not_now.code, CLOSE_CODES.not_now.text);
      await client.world.pass(retryAfterMs - 1);
      const early = client.dialled.length;
      await client.world.pass(501);
      client.transport.welcome();

      expect(early).toBe(1);
      expect(client.emitted.connection[0]).toMatchObject({ state: "waiting", error: { code, retryAfterMs } });
      expect(client.room.connection.state).toBe("open");
      expect(client.emitted.closed).toEqual([]);
    },
  );

  it("[J8 J9] the delay after a rejection is the requested one plus a random one", async () => {
    const client = new TestClient();
    await settled();

    client.transport.deliver({
      type: "error",
      code: "room_full",
      message: "the room is full",
      retryAfterMs: 5_000,
    });
    client.transport.end(CLOSE_CODES.overloaded.code, CLOSE_CODES.overloaded.text);

    expect(client.emitted.connection).toMatchObject([
      {
        state: "waiting",
        reason: "the room is full",
        code: 4005,
        nextTryAt: FIRST_ATTEMPT + 5_500,
        error: { code: "room_full", retryAfterMs: 5_000 },
        advice: "free_place",
      },
    ]);
    expect(client.emitted.error).toEqual([]);

    await client.world.pass(5_499);
    expect(client.dialled).toHaveLength(1);
    await client.world.pass(1);
    expect(client.dialled).toHaveLength(2);
  });

  it("[J8 E1] a room is closed with the code of a rejection after which clients do not retry", async () => {
    const client = new TestClient();
    await settled();

    client.transport.deliver({ type: "error", code: "bad_room", message: "a room's name is …" });
    client.transport.end(CLOSE_CODES.bad_protocol.code, CLOSE_CODES.bad_protocol.text);

    expect(client.room.connection.state).toBe("closed");
    expect(client.emitted.closed).toMatchObject([
      { error: { code: "bad_room", message: "a room's name is …" } },
    ]);
  });

  it("[S1] the delay that the stream requests with retry: is added", async () => {
    const client = await joined({ transports: ["sse"] });

    client.transport.end(1006, "the stream ended", 3_000);

    expect(client.retryInMs).toBe(3_500);
  });
});

describe("delays", () => {
  it("[G10] the first delay is random too, and its maximum doubles up to the limit", async () => {
    const client = await joined({
      minReconnectDelayMs: 100,
      maxReconnectDelayMs: 1_000,
      transports: ["websocket"],
    });
    client.world.chance = 0.999;
    const waits: unknown[] = [];

    for (let attempt = 0; attempt < 6; attempt++) {
      client.transport.end();
      waits.push(client.retryInMs);
      await client.world.pass(1_000);
    }

    expect(waits).toEqual([100, 200, 400, 799, 999, 999]);
  });

  it("[G10] the backoff starts again after a stable connection, and not after a short one", async () => {
    const client = await joined({ minReconnectDelayMs: 100 });

    client.transport.end();
    await client.world.pass(50);
    client.transport.welcome({ recovered: true });
    client.transport.end(CLOSE_CODES.restart.code);
    expect(client.retryInMs).toBe(100);

    await client.world.pass(100);
    client.transport.welcome({ recovered: true });
    await client.world.pass(9_000);
    client.transport.deliver({ type: "pong" });
    await client.world.pass(1_000);
    client.transport.end(CLOSE_CODES.restart.code);
    expect(client.retryInMs).toBe(50);
  });

  it("[G10] delays after a stable connection are at most half of the outage, so that clients reconnect soon after a short restart", async () => {
    const client = await joined({ transports: ["websocket"] });
    await stayConnected(client, 300_000);
    client.world.chance = 1;
    const outage: [awayMs: number, waitMs: number | undefined][] = [];

    const lostAt = client.world.now();
    while (client.world.now() - lostAt < 120_000) {
      client.transport.end();
      outage.push([client.world.now() - lostAt, client.retryInMs]);
      await client.nextDial();
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
    const client = await joined({ transports: ["sse"] });
    await stayConnected(client, 300_000);

    client.transport.end(CLOSE_CODES.restart.code, CLOSE_CODES.restart.text, 4_000);

    expect(client.retryInMs).toBe(4_500);
  });

  it("[G10] a client reconnects at once when the network is available again", async () => {
    const client = await joined();
    client.transport.end();
    await settled();

    client.world.signals?.wake();
    await settled();

    expect(client.dialled).toHaveLength(2);
    expect(client.world.timers).toEqual([10_000]); // the attempt's own
  });
});
