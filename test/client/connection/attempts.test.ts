import { afterEach, describe, expect, it, vi } from "vitest";
import { makeDialers } from "../../../src/client/transports/dialers.ts";
import { realEnvironment } from "../../../src/client/runtime/environment.ts";
import type { WebSocketConstructor } from "../../../src/client/transports/websocket-transport.ts";
import { CLOSE_CODES } from "../../../src/protocol/close-codes.ts";
import { FIRST_ATTEMPT, settled } from "../support/fake-world.ts";
import { reconnect, stayConnected, TestClient, joined } from "../support/test-client.ts";
import { RecordingListener, TARGET } from "../support/transports.ts";

const { superseded, replaced } = CLOSE_CODES;

/** The numbers of the attempts so far. */
function numbersOf({ dialled }: TestClient): number[] {
  return dialled.map(({ target }) => target.attempt);
}

/** The room rejects an attempt because of its number. */
function refuse(client: TestClient, newest: number): void {
  client.transport.deliver({ type: "error", code: "superseded", message: "a newer one", try: newest });
  client.transport.end(superseded.code, superseded.text);
}

describe("the number of an attempt", () => {
  it("[J11] the client's attempt number grows with each attempt, whether or not the room has answered", async () => {
    const client = new TestClient();
    await client.nextDial(); // a time-out
    client.transport.welcome();
    await reconnect(client);

    expect(numbersOf(client)).toEqual([1, 2, 3].map((n) => FIRST_ATTEMPT + n));
  });

  it("[J11] the client's next attempt number is above the one in the welcome", async () => {
    const client = await joined({}, { try: 5_000 });
    await reconnect(client);

    expect(numbersOf(client)).toEqual([FIRST_ATTEMPT + 1, 5_001]);
  });

  it("[J11] after a refusal, as with a clock that was set back, the client's attempt number at once exceeds the newest number", async () => {
    const client = new TestClient();
    await settled();

    refuse(client, 7_000);
    await client.world.pass(0);
    client.transport.welcome({ try: 7_001 });

    expect(numbersOf(client)).toEqual([FIRST_ATTEMPT + 1, 7_001]);
    expect(client.room.connection.state).toBe("open");
    expect(client.emitted.closed).toEqual([]);
  });

  it("[J11 G10] a client waits before its next attempt when a server refuses every number", async () => {
    const client = new TestClient();
    await settled();
    const waits: (number | undefined)[] = [];

    for (let n = 1; n < 5; n++) {
      refuse(client, n * 10_000);
      waits.push(client.retryInMs);
      await client.nextDial();
    }

    expect(waits).toEqual([0, 1_000, 2_000, 4_000]);
    expect(numbersOf(client)).toEqual([FIRST_ATTEMPT + 1, 10_001, 20_001, 30_001, 40_001]);
  });

  it("[J11] the attempt number stays a safe integer when another client has used the largest", async () => {
    const client = new TestClient();
    await settled();

    refuse(client, Number.MAX_SAFE_INTEGER);
    await client.nextDial();

    expect(numbersOf(client).at(-1)).toBe(Number.MAX_SAFE_INTEGER);
  });

  it("[H9] a POST identifies its connection by the attempt number, unless the server sends none", async () => {
    const client = await joined({ transports: ["sse"] }, { try: 8 });
    void client.room.publish("chat", 1);
    await settled();
    const old = await joined({ transports: ["sse"] });
    void old.room.publish("chat", 1);
    await settled();

    expect([...client.transport.authorities]).toEqual(["sessionsessionsession1.keykeykeykeykeykeykey1.8"]);
    expect([...old.transport.authorities]).toEqual(["sessionsessionsession1.keykeykeykeykeykeykey1"]);
  });

  describe("on a device", () => {
    afterEach(() => vi.useRealTimers());

    it.each([
      ["of today", 1_790_000_000_123, 1_790_000_000_123],
      ["before 1970", -1, 0],
    ])(
      "[J11] the attempt number of a device begins at the time of its clock, or at 0: %s",
      (_when, time, number) => {
        vi.setSystemTime(time);

        expect(realEnvironment.unixNow()).toBe(number);
      },
    );
  });
});

describe("a cancelled attempt", () => {
  it("[M4] a cancelled attempt is closed as a lost connection, and not as a member that leaves", async () => {
    const timedOut = new TestClient();
    await timedOut.nextDial();
    const silent = await joined();
    silent.world.signals?.check();
    await silent.world.pass(10_000); // the ping has no reply

    for (const client of [timedOut, silent]) {
      expect(client.dialled[0]).toMatchObject({ isClosed: true, isClosedForGood: false });
    }
  });

  it("[M2] an attempt that the application cancels is closed as a member that leaves", async () => {
    const client = await joined();

    client.room.close();

    expect(client.transport).toMatchObject({ isClosed: true, isClosedForGood: true });
  });

  it.each(["websocket", "sse"] as const)(
    "[J11 D2] an attempt that was cancelled while its token was requested is never sent, over %s",
    async (name) => {
      const token = Promise.withResolvers<string>();
      const sent: unknown[] = [];
      const WebSocket = class {
        constructor(url: string) {
          sent.push(url);
        }
        addEventListener(): void {}
      } as unknown as WebSocketConstructor;
      const fetch_ = async (url: unknown): Promise<Response> => {
        sent.push(url);
        return new Response();
      };
      const dialers = makeDialers({ WebSocket, fetch: fetch_, getToken: () => token.promise });
      let isWanted = true;

      const dialled = dialers[name](TARGET, new RecordingListener(), () => isWanted);
      isWanted = false;
      token.resolve("late");

      await expect(dialled).rejects.toThrow("cancelled");
      expect(sent).toEqual([]);
    },
  );
});

describe("a connection that is replaced", () => {
  it("[J5 J11] a connection that is replaced soon after it was made reconnects with a number above the one that replaced it", async () => {
    const client = new TestClient();
    await client.nextDial(); // The first attempt is stuck, and given up.
    client.transport.welcome();
    await stayConnected(client, 2_000);

    client.transport.end(replaced.code, replaced.text);
    await client.nextDial();
    client.transport.welcome({ recovered: true });

    expect(client.room.connection.state).toBe("open");
    expect(numbersOf(client).at(-1)).toBe(FIRST_ATTEMPT + 3);
    expect(client.emitted.closed).toEqual([]);
  });

  it("[J5] a connection that is replaced soon, and again soon after it reconnected, is closed for good, because another client has its key", async () => {
    const client = await joined();
    client.transport.end(replaced.code, replaced.text);
    await client.nextDial();
    client.transport.welcome({ recovered: true });
    await stayConnected(client, 59_000);

    client.transport.end(replaced.code, replaced.text);

    expect(client.emitted.closed).toMatchObject([{ code: replaced.code, error: { code: "replaced" } }]);
  });

  it("[J5] a replaced client may reconnect once more after a connection that lasted for a minute", async () => {
    const client = await joined();
    client.transport.end(replaced.code, replaced.text);
    await client.nextDial();
    client.transport.welcome({ recovered: true });
    await stayConnected(client, 60_000);
    await reconnect(client);

    client.transport.end(replaced.code, replaced.text);
    await client.nextDial();

    expect(client.room.connection.state).toBe("connecting");
  });

  it("[J5 H9] a replaced client that learns it first from the reply to an act is closed for good as well", async () => {
    const client = await joined({ transports: ["sse"] }, { try: 8 });
    for (const _half of [1, 2]) {
      await client.world.pass(30_000);
      client.transport.breathe();
    }
    const done = client.room.setPresence("late").catch((error: { code: string }) => error.code);
    await settled();

    const [ref = 0] = client.transport.refs;
    client.transport.deliver({ type: "error", ref, code: "superseded", message: "a newer one", try: 9_000 });

    expect(await done).toBe("replaced");
    expect(client.transport.isClosed).toBe(true);
    expect(client.emitted.closed).toMatchObject([{ code: replaced.code }]);
    expect(client.world.timers).toEqual([]);
  });

  it("[J5] a connection that is replaced before its welcome reconnects, and only once", async () => {
    const client = new TestClient();
    await settled();
    client.transport.end(replaced.code, replaced.text);
    await client.nextDial();

    client.transport.end(replaced.code, replaced.text);

    expect(client.dialled).toHaveLength(2);
    expect(client.room.connection.state).toBe("closed");
  });
});
