import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ParlorError } from "../../src/client/index.ts";
import { CASES, ask, begin, codeOf, seenBy, startContractServer } from "../support/contract.ts";
import { PATIENCE, type Guest } from "../support/mixed-room.ts";
import type { ServerProcess } from "../support/server-process.ts";

let server: ServerProcess;

beforeAll(async () => {
  server = await startContractServer();
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

describe.concurrent.each(CASES)("%s over %s", (_life, _connection, each) => {
  it("[A2 G1 G2 P2] receives the messages of everybody in the order of everybody, and the acks have their offsets", async () => {
    await using scene = await begin(server, each);
    const { room, client, everyone } = scene;
    const acts = everyone.map((guest) => Array.from({ length: 10 }, (_, n) => guest.room.publish("chat", n)));

    const acks = await Promise.all(acts.map((own) => Promise.all(own)));
    const last = await room.mark(client);

    expect(client.offsets).toEqual(Array.from({ length: last }, (_, index) => index + 1));
    for (const guest of everyone) expect(seenBy(guest)).toEqual(seenBy(client));
    for (const [index, { id }] of everyone.entries()) {
      const own = client.messages.filter(({ from, event }) => from === id && event === "chat");
      expect(own.map(({ data }) => data)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(own.map(({ offset }) => ({ offset }))).toEqual(acks[index]);
    }
  });

  it("[G3 G4 G9 P4 T4] loses its connection, and then receives what it has missed, in order and once", async () => {
    await using scene = await begin(server, each);
    const { room, client, others } = scene;
    const welcomes = client.welcomes.length;
    await room.mark(client);
    const moves = others.map((other) => other.moves.length);

    room.network.cut();
    const missed = others.map(async (other, index) => {
      for (let n = 0; n < 5; n++) await other.room.publish("chat", n);
      await other.room.shared.set({ [`key-${index}`]: index });
    });
    await Promise.all(missed);
    const own = client.room.publish("chat", "mine");
    room.network.mend();
    await own;
    await room.mark(others[0]);

    expect(client.welcomes.slice(welcomes)).toMatchObject([{ recovered: true }]);
    for (const other of others) expect(seenBy(client)).toEqual(seenBy(other));
    expect(client.messages).toHaveLength(1 + 3 * 5 + 1 + 1);
    expect([0, 1, 2].map((index) => client.room.shared.get(`key-${index}`)?.value)).toEqual([0, 1, 2]);
    expect(others.map((other) => other.moves.length)).toEqual(moves);
  });

  it("[A3 G3 G6] repeats acts whose replies are lost, and each takes effect once", async () => {
    await using scene = await begin(server, each);
    const { room, client, everyone } = scene;
    const before = await room.mark(client);

    room.network.loseReplies();
    const acts = Array.from({ length: 20 }, (_, n) =>
      n % 4 === 3 ? client.room.shared.set({ n }) : client.room.publish("chat", n),
    );
    await vi.waitUntil(async () => {
      const { messages } = (await room.query("/history")) as { readonly messages: readonly unknown[] };
      return messages.length > before;
    }, PATIENCE);
    room.network.drop();
    const acks = await Promise.all(acts);
    await room.mark(client);

    expect(acks.map(({ offset }) => offset)).toEqual(acts.map((_, index) => before + 1 + index));
    for (const { messages } of everyone) {
      const chats = messages.filter(({ event }) => event === "chat").map(({ data }) => data);
      expect(chats).toEqual(Array.from({ length: 20 }, (_, n) => n).filter((n) => n % 4 !== 3));
    }
    for (const guest of everyone) await guest.until(() => guest.room.shared.get("n")?.value === 19);
    expect(client.room.pending).toEqual({ count: 0 });
  });

  it("[A5 F3 L1 T5 G10] receives the name of each limit that it exceeds, and its next act is accepted", async () => {
    await using scene = await begin(server, each);
    const { client } = scene;
    const { maxFrameBytes = 0, maxPresenceBytes = 0, maxStateKeys = 0 } = client.welcomes[0]?.limits ?? {};
    const { room } = client;

    expect(await codeOf(room.publish("big", "x".repeat(maxFrameBytes)))).toBe("frame_too_large");
    expect(await codeOf(room.setPresence("x".repeat(maxPresenceBytes)))).toBe("presence_too_large");
    const sets = Array.from({ length: Math.ceil((maxStateKeys + 1) / 64) }, (_, page) =>
      codeOf(room.shared.set(Object.fromEntries(Array.from({ length: 64 }, (__, n) => [`${page}-${n}`, n])))),
    );
    expect((await Promise.all(sets)).at(-1)).toBe("state_full");
    expect(await codeOf(room.publish("chat", "small"))).toBe("accepted");
    expect(client.errors).toEqual([]);
    expect(room.connection.state).toBe("open");
  });

  it("[A1 A7 E1] receives the error of each invalid act, as its rejection or as an event", async () => {
    await using scene = await begin(server, each);
    const { client } = scene;
    const { room } = client;
    const stranger = "x".repeat(22);

    expect(await codeOf(room.publish("chat", Number.NaN))).toBe("bad_frame");
    expect(await codeOf(room.publish("", 1))).toBe("bad_frame");
    expect(await codeOf(room.publish("chat", 1, { to: [stranger] }))).toBe("unknown_member");
    expect(await codeOf(room.publish("chat", 1, { signal: AbortSignal.abort() }))).toBe("aborted");
    room.send("cursor", 1, { to: [stranger] });
    await client.until(() => client.errors.length > 0);
    expect(client.errors).toEqual(["unknown_member"]);
    expect(await codeOf(room.publish("chat", 1))).toBe("accepted");
  });

  it("[A7 P6] exchanges addressed messages that nobody else receives", async () => {
    await using scene = await begin(server, each);
    const { room, client, others } = scene;
    const [first, second, third] = others;

    await client.room.publish("secret", "to one", { to: [first.id] });
    await second.room.publish("secret", "to the client", { to: [client.id] });
    await third.room.publish("secret", "to both", { to: [client.id, first.id] });
    await room.mark(client);

    const secrets = ({ messages }: Guest): unknown[] =>
      messages.filter(({ event }) => event === "secret").map(({ data }) => data);
    expect(secrets(client)).toEqual(["to one", "to the client", "to both"]);
    expect(secrets(first)).toEqual(["to one", "to both"]);
    expect(secrets(second)).toEqual(["to the client"]);
    expect(secrets(third)).toEqual(["to both"]);
  });

  it("[A4 G8 Q7] sends volatile messages to everybody and receives those of everybody, without storing them", async () => {
    await using scene = await begin(server, each);
    const { room, everyone } = scene;

    // A message that is sent between two polls of a member does not reach it. So they are sent one at a time: of several at
    // once, the first would always end the poll, and the others would always miss it.
    const haveAll = (): boolean =>
      everyone.every(({ id, volatile }) => {
        const senders = new Set(volatile.map(({ from }) => from));
        return everyone.every((other) => other.id === id || senders.has(other.id));
      });
    let turn = 0;
    await vi.waitUntil(
      () => {
        everyone[turn++ % everyone.length]?.room.send("cursor", turn);
        return haveAll();
      },
      { ...PATIENCE, interval: 50 },
    );

    for (const { id, volatile } of everyone) expect(volatile.map(({ from }) => from)).not.toContain(id);
    expect(await room.query("/history")).toMatchObject({ messages: [] });
  });

  it("[A10 B6] sends and receives raw bytes unchanged", async () => {
    await using scene = await begin(server, each);
    const { room, client, others, everyone } = scene;
    const bytes = Uint8Array.from({ length: 256 }, (_, value) => value);

    await client.room.publish("bytes", bytes);
    await others[1].room.publish("bytes", bytes.toReversed());
    await room.mark(client);

    for (const { messages } of everyone) {
      const found = messages.filter(({ event }) => event === "bytes").map((message) => message.bytes);
      expect(found).toEqual([bytes, bytes.toReversed()]);
    }
  });

  it("[A8] reads the history backwards and forwards, in several pages", async () => {
    await using scene = await begin(server, each);
    const { client, others } = scene;
    for (let n = 1; n <= 12; n++) await [client, ...others][n % 4]?.room.publish("chat", n);
    const backwards: unknown[] = [];
    const forwards: unknown[] = [];

    for await (const { offset } of client.room.history({ pageSize: 5 })) backwards.push(offset);
    for await (const { data } of client.room.history({ after: 2, before: 12, pageSize: 4 }))
      forwards.push(data);

    expect(backwards).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    expect(forwards).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it("[G1 G2] receives every message in a loop over the messages", async () => {
    await using scene = await begin(server, each);
    const { client, others } = scene;
    const loop = (async () => {
      const taken: unknown[] = [];
      for await (const { data } of client.room.messages()) if (taken.push(data) === 20) return taken;
      return taken;
    })();
    for (let n = 0; n < 20; n++) void others[1].room.publish("chat", n);

    expect(await loop).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });

  it("[R1 R2 R3 Q7] makes requests of other members, and handles theirs", async () => {
    await using scene = await begin(server, each);
    const { client, others, everyone } = scene;
    for (const { room } of everyone) {
      room.onRequest("double", ({ data }) => {
        if (data === 13) throw new ParlorError("unlucky", "not this number");
        return Number(data) * 2;
      });
    }

    for (const [n, other] of others.entries()) {
      expect(await ask(client, other.id, "double", n)).toBe(2 * n);
      expect(await ask(other, client.id, "double", n)).toBe(2 * n);
    }
    expect(await codeOf(ask(client, others[0].id, "double", 13))).toBe("unlucky");
    expect(await codeOf(ask(client, others[0].id, "unheard", 1))).toBe("no_handler");
    expect(await codeOf(ask(client, "x".repeat(22), "double", 1))).toBe("unknown_member");
  });
});
