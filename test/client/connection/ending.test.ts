import { describe, expect, it } from "vitest";
import { CLOSE_CODES } from "../../../src/protocol/close-codes.ts";
import { LIMITS, messageFrame, welcomeFrame } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { Visit, visit } from "../support/test-client.ts";

/** Rooms in every state, each with a waiting act. */
const rooms: readonly (readonly [string, () => Promise<Visit>])[] = [
  ["connecting", async () => new Visit()],
  ["connected", () => visit()],
  ["connected over SSE", () => visit({ transports: ["sse"] })],
  [
    "held back by its limits",
    async () => {
      const made = await visit({}, { limits: { ...LIMITS, messagesPerSecond: 1, messagesBurst: 1 } });
      for (let index = 0; index < 9; index++) made.room.send("cursor", index);
      await settled();
      return made;
    },
  ],
  [
    "reconnecting",
    async () => {
      const made = await visit();
      made.line.end();
      return made;
    },
  ],
  [
    "closed by the server",
    async () => {
      const made = await visit();
      made.line.end(CLOSE_CODES.kicked.code);
      return made;
    },
  ],
];

describe("close", () => {
  it.each(rooms)("[G6] close leaves no timer, listener or connection behind when %s", async (_what, make) => {
    const made = await make();
    const waiting = made.room.publish("chat", 1).catch((error: { code: string }) => error.code);

    made.room.close();
    made.room.close();
    await settled();

    expect(made.world.timers).toEqual([]);
    expect(made.world.signals).toBeUndefined();
    expect(made.room.state).toBe("closed");
    expect(made.told.closed).toHaveLength(1);
    expect(await waiting).toMatch(/^(closed|kicked)$/);
    await made.world.pass(3_600_000);
    expect(made.dialled).toHaveLength(1);
  });

  it("[C1] close closes the connection, and emits no error", async () => {
    const made = await visit();

    made.room.close();

    expect(made.line.isClosed).toBe(true);
    expect(made.told.closed).toEqual([{ state: "closed", reason: "closed" }]);
  });

  it("[C1] close also closes a connection that opens after it", async () => {
    const made = new Visit();

    made.room.close();
    await settled();

    expect(made.line.isClosed).toBe(true);
  });

  it("[F1] nothing is emitted after close, not even from the same frame", async () => {
    const made = await visit();
    made.room.on("message", () => made.room.close());

    made.line.deliver(messageFrame(1), messageFrame(2));
    made.line.deliver(messageFrame(3));
    made.line.end();

    expect(made.offsets).toEqual([1]);
    expect(made.told.closed).toHaveLength(1);
  });
});

describe("a listener that closes the room", () => {
  it.each(["state", "welcome", "presence", "shared", "message"] as const)(
    "[G6] a listener of the event %s that closes the room is the last to be called, except for the end",
    async (closing) => {
      const made = new Visit();
      const told: string[] = [];
      const events = ["message", "presence", "shared", "state", "welcome", "error", "closed"] as const;
      for (const type of events) made.room.on(type, () => void told.push(type));
      made.room.on(closing, () => made.room.close());
      for (const type of events) made.room.on(type, () => void told.push(type));
      await settled();

      made.line.deliver(
        welcomeFrame({
          state: { topic: ["lunch", 1] },
          stateOffset: 1,
          members: [{ id: "me" }, { id: "ana" }],
        }),
        messageFrame(2),
      );
      made.room.send("", "a name that is too short");
      await settled();

      expect(told.slice(told.indexOf("closed"))).toEqual(["closed", "closed"]);
      expect(told.filter((type) => type === closing)).toHaveLength(closing === "state" ? 3 : 1);
    },
  );
});

describe("leave", () => {
  it("[A6 M2] leave notifies the room, and closes the connection when the room has processed it", async () => {
    const made = await visit();

    const left = made.room.leave();
    expect(made.line.isLeft).toBe(true);
    expect(made.line.isClosed).toBe(false);
    expect(made.told.closed).toEqual([{ state: "closed", reason: "left" }]);
    made.line.confirmLeave();
    await left;

    expect(made.line.isClosed).toBe(true);
    expect(made.world.timers).toEqual([]);
  });

  it("[A6] leave waits two seconds for a room that does not reply", async () => {
    const made = await visit();

    const left = made.room.leave();
    await made.world.pass(2_000);
    await left;

    expect(made.line.isClosed).toBe(true);
    expect(made.world.timers).toEqual([]);
  });

  it("[A6 A4] leave first sends what the limits allow", async () => {
    const made = await visit();

    made.room.send("bye", 1);
    void made.room.leave();

    expect(made.line.items).toMatchObject([{ event: "bye" }]);
  });

  it("[A6] leave without a connection does the same as close", async () => {
    const made = await visit();
    made.line.end();

    await made.room.leave();

    expect(made.room.state).toBe("closed");
    expect(made.world.timers).toEqual([]);
  });
});

describe("listeners", () => {
  it("[G6] a listener that throws stops neither other listeners nor the room", async () => {
    const made = new Visit();
    const mistake = new Error("a mistake of the application");
    for (const type of ["message", "state", "welcome", "presence"] as const) {
      made.room.on(type, () => {
        throw mistake;
      });
    }
    const offsets: unknown[] = [];
    made.room.on("message", ({ offset }) => offsets.push(offset));
    await settled();

    made.line.welcome();
    made.line.deliver(messageFrame(1), messageFrame(2));

    expect(made.room.state).toBe("connected");
    expect(offsets).toEqual([1, 2]);
    expect(made.world.reported).toEqual(Array.from({ length: 5 }, () => mistake));
  });

  it("[F1] a removed listener is not called, and each listener is removed separately", async () => {
    const made = await visit();
    const offsets: unknown[] = [];
    const listener = ({ offset }: { readonly offset?: number }): void => void offsets.push(offset);
    const first = made.room.on("message", listener);
    made.room.on("message", listener);

    first();
    first();
    made.line.deliver(messageFrame(1));

    expect(offsets).toEqual([1]);
  });

  it("[G3] a publish that nobody waits for causes no unhandled rejection", async () => {
    const made = await visit();
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", note);

    void made.room.publish("chat", 1);
    void made.room.setPresence(1);
    made.room.close();
    await settled();
    await settled();
    process.off("unhandledRejection", note);

    expect(unhandled).toEqual([]);
  });
});
