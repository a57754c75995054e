import { describe, expect, it } from "vitest";
import { CLOSE_CODES } from "../../../src/protocol/close-codes.ts";
import { at, messageFrame } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { joined, stayConnected, TestClient } from "../support/test-client.ts";

describe("connect", () => {
  it("[J1] a room with autoConnect: false is idle until connect, whatever the browser reports", async () => {
    const client = new TestClient({ autoConnect: false });
    client.world.signals?.wake();
    client.world.signals?.check();
    await client.world.pass(60_000);
    expect(client.room.connection).toEqual({ state: "idle" });
    expect(client.dialled).toEqual([]);

    client.room.connect();
    await settled();
    client.transport.welcome();

    expect(client.states).toEqual(["connecting", "open"]);
  });

  it("[G3] acts of an idle room are sent after connect", async () => {
    const client = new TestClient({ autoConnect: false });
    const published = client.room.publish("chat", "early");

    client.room.connect();
    await settled();
    client.transport.welcome();
    await settled();
    client.transport.ack(client.transport.refs, 3);

    expect(await published).toEqual({ offset: 3 });
  });

  it("[J1] an idle room can be closed and left", async () => {
    const client = new TestClient({ autoConnect: false });

    await client.room.leave();
    client.room.connect();
    await settled();

    expect(client.room.connection).toEqual({ state: "closed", reason: "you closed the room" });
    expect(client.dialled).toEqual([]);
  });

  it("[J1] connect does nothing while a room is connecting or open", async () => {
    const client = new TestClient();
    client.room.connect();
    await settled();
    client.transport.welcome();
    client.room.connect();
    await settled();

    expect(client.dialled).toHaveLength(1);
    expect(client.states).toEqual(["open"]);
  });

  it("[G10 J8] neither the browser nor the application shortens the delay that the server requests", async () => {
    const client = new TestClient();
    await settled();
    client.transport.deliver({ type: "error", code: "room_full", message: "full", retryAfterMs: 5_000 });
    client.transport.end(CLOSE_CODES.overloaded.code);
    const { connection } = client.room;

    await client.world.pass(4_999);
    client.world.signals?.wake();
    client.room.connect();
    client.room.reconnect();
    expect(client.room.connection).toBe(connection);
    await client.world.pass(1);
    client.world.signals?.wake();
    await settled();

    expect(client.dialled).toHaveLength(2);
  });
});

describe("reconnect", () => {
  it("[G4] reconnect replaces an open connection, and resumes", async () => {
    const client = await joined();
    client.transport.deliver(messageFrame(7));

    client.room.reconnect();
    await settled();
    client.transport.welcome({ recovered: true, position: at(7) });

    expect(client.dialled[0]).toMatchObject({ isClosed: true, isClosedForGood: false });
    expect(client.transport.target.after).toBe(at(7));
    expect(client.states).toEqual(["open", "connecting", "open"]);
  });

  it("[C1] reconnect and connect do nothing after the room was closed", async () => {
    const client = await joined();
    client.room.close();

    client.room.connect();
    client.room.reconnect();
    await settled();

    expect(client.dialled).toHaveLength(1);
    expect(client.room.connection.state).toBe("closed");
  });
});

describe("the application's own lifecycle", () => {
  it("[C1] a lifecycle replaces the browser's events, and is stopped when the room is closed", async () => {
    let stopped = 0;
    let wake = (): void => undefined;
    const client = new TestClient({
      lifecycle: (signals) => {
        wake = signals.wake;
        signals.wake(); // Some libraries report the current state at once.
        return () => stopped++;
      },
    });
    await settled();
    client.transport.end();

    wake();
    await settled();
    expect(client.dialled).toHaveLength(2);
    expect(client.world.signals).toBeUndefined();

    client.room.close();
    expect(stopped).toBe(1);
  });
});

describe("the round trip", () => {
  it("[F7] lagMs is the last round trip, or the time since the oldest ping without a reply", async () => {
    const client = await joined();
    expect([client.room.rttMs, client.room.lagMs]).toEqual([undefined, 0]);
    await client.world.pass(40);
    client.transport.deliver({ type: "pong" });
    expect([client.room.rttMs, client.room.lagMs]).toEqual([40, 40]);

    client.world.signals?.check();
    await client.world.pass(30);
    const soon = client.room.lagMs;
    await client.world.pass(2_000);
    client.world.signals?.check();
    const late = client.room.lagMs;

    expect([soon, late, client.room.rttMs]).toEqual([40, 2_030, 40]);
    client.transport.deliver({ type: "pong" });
    expect([client.room.rttMs, client.room.lagMs]).toEqual([2_030, 2_030]);
  });

  it("[F7] over SSE, which has no pings, the round trip is that of a request", async () => {
    const client = await joined({ transports: ["sse"] });
    expect([client.room.rttMs, client.room.lagMs]).toEqual([undefined, undefined]);

    void client.room.publish("chat", 1);
    await client.world.pass(25);
    client.transport.ready();

    expect([client.room.rttMs, client.room.lagMs]).toEqual([25, 25]);
  });

  it("[F7] the round trip is that of the current connection", async () => {
    const client = await joined();
    await stayConnected(client, 10);

    client.transport.end();

    expect([client.room.rttMs, client.room.lagMs]).toEqual([undefined, undefined]);
  });
});
