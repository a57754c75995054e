import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { CASES, SECRET, begin, codeOf, seenBy, startContractServer } from "../support/contract.ts";
import { PATIENCE, type Guest } from "../support/mixed-room.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { forge, usualClaims } from "../support/signing.ts";

let server: ServerProcess;

beforeAll(async () => {
  server = await startContractServer();
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

describe.concurrent.each(CASES)("%s over %s", (_life, _connection, each) => {
  it("[J1 J4 M1 W4 G9] has the same members as everybody, and each join is reported once to everybody", async () => {
    await using scene = await begin(server, each, { presence: { name: "Ana" } });
    const { client, everyone, others } = scene;

    for (const { room } of others) expect(room.members.get(client.id)?.data).toEqual({ name: "Ana" });
    const joins = everyone.map(({ id }) => `joined ${id}`).toSorted();
    for (const { moves } of everyone) expect(moves.toSorted()).toEqual(joins);
    expect(client.room.count).toBe(4);
  });

  it("[A5 M1 G9] changes its presence data for everybody, and sees the changes of others", async () => {
    await using scene = await begin(server, each);
    const { client, everyone } = scene;

    await Promise.all(everyone.map(({ room }, index) => room.setPresence({ seat: index })));
    await client.room.setPresence({ seat: 9 });

    const seats = [9, 1, 2, 3].map((seat) => ({ seat }));
    const seenBy = ({ room }: Guest): unknown[] => everyone.map(({ id }) => room.members.get(id)?.data);
    for (const guest of everyone) await vi.waitFor(() => expect(seenBy(guest)).toEqual(seats), PATIENCE);
  });

  it("[T1 T2 T3 T4 G1] changes the shared state with everybody, and loses no step of compare-and-set", async () => {
    await using scene = await begin(server, each);
    const { client, others, everyone } = scene;
    const [first] = others;

    const { offset } = await client.room.shared.set({ topic: "lunch", seat: "mine" }, { own: true });
    await first.until(() => first.room.shared.get("topic")?.version === offset);
    expect(await codeOf(first.room.shared.set({ topic: "dinner" }))).toBe("not_owner");
    await client.room.shared.set({}, { delete: ["topic"] });
    await first.until(() => !first.room.shared.has("topic"));

    await client.room.shared.set({ votes: 0 });
    const conflict = first.room.shared.set({ votes: 9 }, { if: { votes: 0 } });
    await expect(conflict).rejects.toMatchObject({ code: "conflict", versions: { votes: offset + 2 } });
    const vote = async ({ room }: Guest): Promise<void> => {
      for (let n = 0; n < 3; n++) await room.shared.update("votes", (votes = 0) => Number(votes) + 1);
    };
    await Promise.all(everyone.map(vote));

    for (const guest of everyone) await guest.until(() => guest.room.shared.get("votes")?.value === 12);
    const states = everyone.map(({ room }) => Object.fromEntries(room.shared));
    for (const state of states) expect(state).toEqual(states[0]);
  });

  it("[J10] watches without being a member, receives every message, and may not act", async () => {
    await using scene = await begin(server, each, { view: true });
    const { room, client, others } = scene;

    await others[2].room.publish("chat", "hello");
    await room.mark(others[0]);

    expect(seenBy(client)).toEqual(seenBy(others[0]));
    for (const { room: other } of others) expect([other.count, other.members.size]).toEqual([3, 3]);
    expect(await codeOf(client.room.publish("chat", 1))).toBe("view_only");
    expect(await codeOf(client.room.shared.set({ a: 1 }))).toBe("view_only");
  });

  it("[D2 D3 D6] joins with a token, and everybody sees its verified user", async () => {
    const token = await forge('{"alg":"HS256"}', JSON.stringify(usualClaims()), SECRET);
    await using scene = await begin(server, each, { getToken: () => token });
    const { room, client, others } = scene;

    await client.room.publish("chat", "verified");
    await room.mark(client);

    expect(client.welcomes.at(-1)?.user).toBe("ana");
    for (const { room: other, messages } of others) {
      expect(other.members.get(client.id)?.user).toBe("ana");
      expect(messages[0]).toMatchObject({ user: "ana", data: "verified" });
    }
  });

  it("[A6 C1 M2] leaves, everybody is notified at once, and its later acts are rejected", async () => {
    await using scene = await begin(server, each);
    const { client, others } = scene;
    const closed = new Promise((resolve) => client.room.on("closed", resolve));

    await client.room.leave();

    for (const other of others) await other.until(() => other.moves.includes(`left ${client.id}`));
    expect(await closed).toMatchObject({ reason: "you left the room" });
    expect(await codeOf(client.room.publish("chat", 1))).toBe("closed");
    for (const { room } of others) expect([room.count, room.members.has(client.id)]).toEqual([3, false]);
  });

  it("[C1 J5] is closed for good when its key is used elsewhere, or closes the other client", async () => {
    await using scene = await begin(server, each);
    const { room, client } = scene;
    const twin = room.join({ ...each.options, key: client.room.key });
    const twins = [client, twin];

    const stateOf = ({ room: { connection } }: Guest) => connection.state;
    await vi.waitFor(() => expect(twins.map(stateOf).toSorted()).toEqual(["closed", "open"]), PATIENCE);
    const [loser] = twins.filter((each) => stateOf(each) === "closed");
    const [winner] = twins.filter((each) => stateOf(each) === "open");
    expect(loser?.room.connection).toMatchObject({ error: { code: "replaced" }, advice: "rejoin" });
    expect(await codeOf(winner?.room.publish("chat", 1) ?? Promise.reject())).toBe("accepted");
  });
});
