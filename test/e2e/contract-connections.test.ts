import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Room } from "../../src/client/index.ts";
import { BUDGET, CONNECTIONS, codeOf, startContractServer } from "../support/contract.ts";
import { MixedRoom } from "../support/mixed-room.ts";
import type { ServerProcess } from "../support/server-process.ts";

let server: ServerProcess;

beforeAll(async () => {
  server = await startContractServer();
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

describe.concurrent.each(CONNECTIONS)("a client over %s", (_connection, options) => {
  it("[C1 D2 J8] is closed for good with the reason, if the server rejects its token", async () => {
    await using room = await MixedRoom.open(server);
    const client = room.join({ ...options, getToken: () => "not-a-token" });

    await client.until(() => client.room.connection.state === "closed");

    expect(client.room.connection).toMatchObject({ error: { code: "token_invalid" }, advice: "sign_in" });
    expect(await codeOf(client.room.publish("chat", 1))).toBe("token_invalid");
  });

  it("[C1 N2] waits and tries again, with the reason, if the server does not have the kind of the room yet", async () => {
    await using room = await MixedRoom.open(server, "nokind:x");
    const client = room.join(options);

    await client.until(() => client.room.connection.error !== undefined);

    expect(client.room.connection).toMatchObject({ error: { code: "unknown_kind" } });
    expect(client.room.connection.state).not.toBe("closed");
  });

  it("[J7] first receives as many of the newest messages as it asks for", async () => {
    await using room = await MixedRoom.open(server);
    const [first] = await room.crowd();
    for (let n = 1; n <= 5; n++) await first.room.publish("chat", n);

    const client = await room.enter({ ...options, rewind: 2 });
    await room.mark(first);

    expect(client.offsets).toEqual([4, 5, 6]);
  });

  it("[L1 G3 G10] sends ten times its budget and sees no rate_limited, and every act is stored once", async () => {
    await using room = await MixedRoom.open(server);
    const client = await room.enter(options);
    const acts: ReturnType<Room["publish"]>[] = [];

    for (let n = 0; n < 10 * BUDGET; n++) {
      if (n % 2 === 0) acts.push(client.room.publish("chat", n));
      else if (n % 4 === 1) client.room.send("cursor", n);
      else acts.push(client.room.shared.set({ n }));
    }
    await client.room.flush({ timeoutMs: 100_000 });
    const stored = await Promise.all(acts);

    expect(client.errors).toEqual([]);
    expect(new Set(stored.map(({ offset }) => offset)).size).toBe(acts.length);
    await client.until(() => client.messages.length >= (10 * BUDGET) / 2);
    expect(client.messages.map(({ data }) => Number(data)).toSorted((one, other) => one - other)).toEqual(
      Array.from({ length: (10 * BUDGET) / 2 }, (_, n) => 2 * n),
    );
    expect(await room.query()).toMatchObject({
      position: expect.stringMatching(`:${acts.length}$`) as string,
    });
    expect(client.room.pending).toEqual({ count: 0 });
  });
});

// Not over long-poll: a reply that is sent between two polls does not reach the client (rule Q7).
describe.concurrent.each(CONNECTIONS.slice(0, 3))("a client over %s", (_connection, options) => {
  it("[R1 R2] receives the replies to very many requests at once", async () => {
    await using room = await MixedRoom.open(server);
    const client = await room.enter(options);
    const [member] = await room.crowd();
    // The replies are given in reverse, once all requests have arrived.
    const arrived: (() => void)[] = [];
    member.room.onRequest("double", async ({ data }) => {
      await new Promise<void>((resolve) => {
        if (arrived.push(resolve) === 60) for (const reply of arrived.toReversed()) reply();
      });
      return Number(data) * 2;
    });

    const replies = await Promise.all(
      Array.from({ length: 60 }, (_, n) => client.room.request(member.id, "double", n)),
    );

    expect(replies).toEqual(Array.from({ length: 60 }, (_, n) => 2 * n));
  });
});
