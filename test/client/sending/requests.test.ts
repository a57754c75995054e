import { describe, expect, it } from "vitest";
import { ParlorError } from "../../../src/client/error.ts";
import type { Json } from "../../../src/protocol/json.ts";
import type { SentItem } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { joined, reconnect, type TestClient } from "../support/test-client.ts";

const MEMBERS = [{ id: "me" }, { id: "ana" }, { id: "bo" }];

/** A room with other members. */
function visit(): Promise<TestClient> {
  return joined({}, { members: MEMBERS, count: 3 });
}

/** The outcome of a promise, without waiting for it. */
async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  await settled();
  return Promise.race([promise, Promise.resolve("pending")]).catch((error: unknown) => error);
}

/** A volatile message of a member for this client. */
function deliver(client: TestClient, event: string, from: string, data: Json, to = ["me"]): void {
  client.transport.deliver({ type: "message", time: 1, from, to, event, data });
}

function idOf({ data }: SentItem): string {
  return (data as { readonly id: string }).id;
}

describe("a request", () => {
  it("[R1 R2] a request is a volatile message with a key of its own, and resolves with the reply of that member only", async () => {
    const client = await visit();
    const first = client.room.request("ana", "hand", { round: 3 });
    const second = client.room.request("ana", "hand", undefined);
    await settled();
    const [one, two] = client.transport.items as [SentItem, SentItem];
    expect(one).toEqual({
      ...{ type: "publish", event: "$request", volatile: true, key: idOf(one), to: ["ana"] },
      data: { id: idOf(one), event: "hand", data: { round: 3 } },
    });
    expect(idOf(two)).not.toBe(idOf(one));

    deliver(client, "$reply", "bo", { id: idOf(one), data: "forged" });
    deliver(client, "$reply", "ana", { id: "unknown", data: "late" });
    deliver(client, "$reply", "ana", { id: idOf(two) });
    deliver(client, "$reply", "ana", { id: idOf(one), data: ["ace"] });

    expect(await outcomeOf(first)).toEqual(["ace"]);
    expect(await outcomeOf(second)).toBeNull();
    expect(client.emitted.message).toEqual([]);
  });

  it("[R2] a request rejects with the code and the message of the member's refusal", async () => {
    const client = await visit();
    const asked = client.room.request("ana", "hand", 1);
    await settled();
    const [item] = client.transport.items as [SentItem];
    deliver(client, "$reply", "ana", { id: idOf(item), error: { code: "not_your_turn", message: "wait" } });

    const error = await outcomeOf(asked);
    expect(error).toBeInstanceOf(ParlorError);
    expect(error).toMatchObject({ code: "not_your_turn", message: "wait" });
  });

  it("[R1] a request rejects with timeout after ten seconds, or after timeoutMs, and is never sent again", async () => {
    const client = await visit();
    const asked = client.room.request("ana", "hand", 1);
    const hasty = client.room.request("ana", "hand", 1, { timeoutMs: 1_000 });
    await settled();
    await client.world.pass(1_000);
    expect(await outcomeOf(hasty)).toMatchObject({ code: "timeout" });
    await reconnect(client, { members: MEMBERS, count: 3 });
    await client.world.pass(9_000);

    expect(await outcomeOf(asked)).toMatchObject({ code: "timeout" });
    expect(client.transport.items).toEqual([]);
  });

  it("[R1] a request without a connection is sent once the client has reconnected", async () => {
    const client = await visit();
    client.transport.end();
    const asked = client.room.request("ana", "hand", 1);
    await client.nextDial();
    client.transport.welcome({ recovered: true, members: MEMBERS, count: 3 });
    await settled();
    const [item] = client.transport.items as [SentItem];
    deliver(client, "$reply", "ana", { id: idOf(item), data: 7 });

    expect(await outcomeOf(asked)).toBe(7);
  });

  it("[R1] a request to a member that is not in the room, that leaves, or to this client itself rejects with unknown_member", async () => {
    const client = await visit();
    const absent = client.room.request("cem", "hand", 1);
    const own = client.room.request("me", "hand", 1);
    const leaving = client.room.request("ana", "hand", 1);
    const staying = client.room.request("bo", "hand", 1);
    await settled();
    client.transport.deliver({
      ...{ type: "presence", left: [{ id: "ana", reason: "left" }], roster: "r1", count: 2 },
    });

    for (const asked of [absent, own, leaving])
      expect(await outcomeOf(asked)).toMatchObject({ code: "unknown_member" });
    expect(await outcomeOf(staying)).toBe("pending");
    expect(client.transport.items.map(({ to }) => to)).toEqual([["ana"], ["bo"]]);
  });

  it("[R1] a request rejects with aborted, bad_frame, frame_too_large or closed, and with view_only without membership", async () => {
    const client = await visit();
    const viewer = await joined({ view: true }, { viewOnly: true, members: MEMBERS, count: 3 });
    const control = new AbortController();
    const aborted = client.room.request("ana", "hand", 1, { signal: control.signal });
    const waiting = client.room.request("ana", "hand", 1);
    const bad = client.room.request("ana", "hand", 1n);
    const large = client.room.request("ana", "hand", "x".repeat(70_000));
    const viewed = viewer.room.request("ana", "hand", 1);
    await settled();
    control.abort();
    client.room.close();

    const codes = await Promise.all([aborted, bad, large, waiting, viewed].map(outcomeOf));
    expect(codes).toMatchObject(
      ["aborted", "bad_frame", "frame_too_large", "closed", "view_only"].map((code) => ({ code })),
    );
    expect(await outcomeOf(client.room.request("ana", "hand", 1))).toMatchObject({ code: "closed" });
  });

  it("[R1] very many requests to one member wait for the rate limit, and none replaces another", async () => {
    const client = await joined(
      {},
      { members: MEMBERS, count: 3, limits: { messagesPerSecond: 10, messagesBurst: 20 } },
    );
    const asked = Array.from({ length: 40 }, (_, n) => client.room.request("ana", "hand", n));
    await client.world.pass(5_000);

    const numbers = client.transport.items.map(({ data }) => (data as { data: unknown }).data);
    expect(numbers).toEqual(Array.from({ length: 40 }, (_, n) => n));
    expect(asked).toHaveLength(40);
  });
});

describe("a handler of requests", () => {
  it("[R1 R2] a handler's result is the reply, also a later one", async () => {
    const client = await visit();
    client.room.onRequest("sum", async ({ from, data }) => ({ from, sum: Number(data) + 1 }));
    deliver(client, "$request", "ana", { id: "a.1", event: "sum", data: 2 });
    await settled();

    expect(client.transport.items).toEqual([
      {
        ...{ type: "publish", event: "$reply", volatile: true, key: "a.1", to: ["ana"] },
        data: { id: "a.1", data: { from: "ana", sum: 3 } },
      },
    ]);
  });

  it("[R2] a handler refuses with a ParlorError; of any other error the requester learns nothing, and the page sees it", async () => {
    const client = await visit();
    client.room.onRequest("refuse", () => {
      throw new ParlorError("not_your_turn", "wait");
    });
    client.room.onRequest("fail", () => Promise.reject(new Error("a secret")));
    client.room.onRequest("odd", () => 1n);
    client.room.onRequest("large", () => "x".repeat(70_000));
    for (const event of ["refuse", "fail", "odd", "large"])
      deliver(client, "$request", "ana", { id: event, event, data: null });
    await settled();

    const errors = Object.fromEntries(
      client.transport.items.map(({ key, data }) => [key, (data as { error: unknown }).error]),
    );
    expect(errors).toMatchObject({
      refuse: { code: "not_your_turn", message: "wait" },
      fail: { code: "request_failed" },
      odd: { code: "bad_frame" },
      large: { code: "frame_too_large" },
    });
    expect(JSON.stringify(errors)).not.toContain("secret");
    expect(client.world.reported).toEqual([new Error("a secret")]);
  });

  it("[R2] a request without a handler is rejected with no_handler, also after the handler was removed", async () => {
    const client = await visit();
    const remove = client.room.onRequest("hand", () => "old");
    client.room.onRequest("hand", () => "new");
    remove(); // the newer handler stays
    deliver(client, "$request", "ana", { id: "1", event: "hand", data: null });
    deliver(client, "$request", "ana", { id: "2", event: "unheard", data: null });
    await settled();

    expect(Object.fromEntries(client.transport.items.map(({ key, data }) => [key, data]))).toMatchObject({
      1: { id: "1", data: "new" },
      2: { id: "2", error: { code: "no_handler" } },
    });
  });

  it("[R3] messages that only look like requests are delivered as messages, and malformed requests are ignored", async () => {
    const client = await visit();
    client.room.onRequest("hand", () => 1);
    const data = { id: "1", event: "hand", data: null };
    client.transport.deliver(
      { type: "message", time: 1, from: "ana", event: "$request", data },
      { type: "message", offset: 1, time: 1, from: "ana", to: ["me"], event: "$request", data },
    );
    for (const malformed of [null, "text", [], {}, { id: 7 }])
      deliver(client, "$request", "ana", malformed as Json);
    await settled();

    expect(client.emitted.message).toMatchObject([{ from: "ana" }, { offset: 1 }]);
    expect(client.transport.items).toEqual([]);
  });

  it.each(["", "x".repeat(65)])(
    "[R1 R3 G10] a request with the id %j is ignored, so that its reply is not rejected as abuse of the replying client",
    async (id) => {
      const client = await visit();
      client.room.onRequest("hand", () => 1);
      deliver(client, "$request", "ana", { id, event: "hand" });
      deliver(client, "$request", "ana", { id, event: "nothing handles this" });
      await settled();

      expect(client.transport.items).toEqual([]);
      expect(client.world.reported).toEqual([]);
    },
  );

  it.each(["__proto__", "constructor", "toString", "x".repeat(64)])(
    "[R1 R2 G10] requests with the id and the event %j are answered like any others",
    async (name) => {
      const client = await visit();
      deliver(client, "$request", "ana", { id: name, event: name });
      deliver(client, "$reply", "ana", { id: name, data: 1 });
      await settled();

      expect(client.transport.items).toMatchObject([
        { event: "$reply", key: name, to: ["ana"], data: { id: name, error: { code: "no_handler" } } },
      ]);
    },
  );
});
