import { describe, expect, it } from "vitest";
import { CLOSE_CODES } from "../../../src/protocol/close-codes.ts";
import { LIMITS, messageFrame, welcomeFrame } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { TestClient, joined } from "../support/test-client.ts";

/** Rooms in every state, each with a waiting act. */
const rooms: readonly (readonly [string, () => Promise<TestClient>])[] = [
  ["connecting", async () => new TestClient()],
  ["connected", () => joined()],
  ["connected over SSE", () => joined({ transports: ["sse"] })],
  [
    "held back by its limits",
    async () => {
      const client = await joined({}, { limits: { ...LIMITS, messagesPerSecond: 1, messagesBurst: 1 } });
      for (let index = 0; index < 9; index++) client.room.send("cursor", index);
      await settled();
      return client;
    },
  ],
  [
    "reconnecting",
    async () => {
      const client = await joined();
      client.transport.end();
      return client;
    },
  ],
  [
    "closed by the server",
    async () => {
      const client = await joined();
      client.transport.end(CLOSE_CODES.kicked.code);
      return client;
    },
  ],
];

describe("close", () => {
  it.each(rooms)("[G6] close leaves no timer, listener or connection behind when %s", async (_what, make) => {
    const client = await make();
    const waiting = client.room.publish("chat", 1).catch((error: { code: string }) => error.code);

    client.room.close();
    client.room.close();
    await settled();

    expect(client.world.timers).toEqual([]);
    expect(client.world.signals).toBeUndefined();
    expect(client.room.connection.state).toBe("closed");
    expect(client.emitted.closed).toHaveLength(1);
    expect(await waiting).toMatch(/^(closed|kicked)$/);
    await client.world.pass(3_600_000);
    expect(client.dialled).toHaveLength(1);
  });

  it("[C1] close closes the connection, and emits no error", async () => {
    const client = await joined();

    client.room.close();

    expect(client.transport.isClosed).toBe(true);
    expect(client.emitted.closed).toEqual([{ state: "closed", reason: "you closed the room" }]);
  });

  it("[C1] close also closes a connection that opens after it", async () => {
    const client = new TestClient();

    client.room.close();
    await settled();

    expect(client.transport.isClosed).toBe(true);
  });

  it("[F1] nothing is emitted after close, not even from the same frame", async () => {
    const client = await joined();
    client.room.on("message", () => client.room.close());

    client.transport.deliver(messageFrame(1), messageFrame(2));
    client.transport.deliver(messageFrame(3));
    client.transport.end();

    expect(client.offsets).toEqual([1]);
    expect(client.emitted.closed).toHaveLength(1);
  });
});

describe("a listener that closes the room", () => {
  it.each(["connection", "welcome", "presence", "shared", "message"] as const)(
    "[G6] a listener of the event %s that closes the room is the last to be called, except for the end",
    async (closing) => {
      const client = new TestClient();
      const told: string[] = [];
      const events = ["message", "presence", "shared", "connection", "welcome", "error", "closed"] as const;
      for (const type of events) client.room.on(type, () => void told.push(type));
      client.room.on(closing, () => client.room.close());
      for (const type of events) client.room.on(type, () => void told.push(type));
      await settled();

      client.transport.deliver(
        welcomeFrame({
          state: { topic: ["lunch", 1] },
          stateOffset: 1,
          members: [{ id: "me" }, { id: "ana" }],
        }),
        messageFrame(2),
      );
      client.room.send("", "a name that is too short");
      await settled();

      expect(told.slice(told.indexOf("closed"))).toEqual(["closed", "closed"]);
      expect(told.filter((type) => type === closing)).toHaveLength(closing === "connection" ? 3 : 1);
    },
  );
});

describe("leave", () => {
  it("[A6 M2] leave notifies the room, and closes the connection when the room has processed it", async () => {
    const client = await joined();

    const left = client.room.leave();
    expect(client.transport.isLeft).toBe(true);
    expect(client.transport.isClosed).toBe(false);
    expect(client.emitted.closed).toEqual([{ state: "closed", reason: "you left the room" }]);
    client.transport.confirmLeave();
    await left;

    expect(client.transport.isClosed).toBe(true);
    expect(client.world.timers).toEqual([]);
  });

  it("[A6] leave waits two seconds for a room that does not reply", async () => {
    const client = await joined();

    const left = client.room.leave();
    await client.world.pass(2_000);
    await left;

    expect(client.transport.isClosed).toBe(true);
    expect(client.world.timers).toEqual([]);
  });

  it("[A6 A4] leave first sends what the limits allow", async () => {
    const client = await joined();

    client.room.send("bye", 1);
    void client.room.leave();

    expect(client.transport.items).toMatchObject([{ event: "bye" }]);
  });

  it("[A6] leave without a connection does the same as close", async () => {
    const client = await joined();
    client.transport.end();

    await client.room.leave();

    expect(client.room.connection.state).toBe("closed");
    expect(client.world.timers).toEqual([]);
  });
});

describe("listeners", () => {
  it("[G6] a listener that throws stops neither other listeners nor the room", async () => {
    const client = new TestClient();
    const mistake = new Error("a mistake of the application");
    for (const type of ["message", "connection", "welcome", "presence"] as const) {
      client.room.on(type, () => {
        throw mistake;
      });
    }
    const offsets: unknown[] = [];
    client.room.on("message", ({ offset }) => offsets.push(offset));
    await settled();

    client.transport.welcome();
    client.transport.deliver(messageFrame(1), messageFrame(2));

    expect(client.room.connection.state).toBe("open");
    expect(offsets).toEqual([1, 2]);
    expect(client.world.reported).toEqual(Array.from({ length: 5 }, () => mistake));
  });

  it("[F1] a removed listener is not called, and each listener is removed separately", async () => {
    const client = await joined();
    const offsets: unknown[] = [];
    const listener = ({ offset }: { readonly offset?: number }): void => void offsets.push(offset);
    const first = client.room.on("message", listener);
    client.room.on("message", listener);

    first();
    first();
    client.transport.deliver(messageFrame(1));

    expect(offsets).toEqual([1]);
  });

  it("[G3] a publish that nobody waits for causes no unhandled rejection", async () => {
    const client = await joined();
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", note);

    void client.room.publish("chat", 1);
    void client.room.setPresence(1);
    client.room.close();
    await settled();
    await settled();
    process.off("unhandledRejection", note);

    expect(unhandled).toEqual([]);
  });
});
