import { afterEach, describe, expect, it } from "vitest";
import { joined, type TestClient } from "../support/test-client.ts";

/** Names with a special meaning for JavaScript objects. */
const POISON =
  '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":null,"then":1}';

afterEach(() => {
  if ("polluted" in {} || Object.keys(Object.prototype).length > 0)
    throw new Error("the prototype of all objects has been changed");
});

/** Delivers frames to a client in the way a network does. */
function deliver({ transport }: TestClient, ...texts: readonly string[]): void {
  transport.deliver(...texts.map((text) => JSON.parse(text) as never));
}

describe("names that objects inherit", () => {
  it("[A1 G12] names that objects inherit are delivered unchanged in a message, and change no object", async () => {
    const client = await joined();

    deliver(client, `{"type":"message","offset":1,"time":1,"from":"x","event":"__proto__","data":${POISON}}`);

    expect(client.emitted.message.map(({ event, data }) => [event, JSON.stringify(data)])).toEqual([
      ["__proto__", POISON],
    ]);
  });

  it("[T1 T4 G12] names that objects inherit are keys and values of the state like any other", async () => {
    const client = await joined(
      {},
      JSON.parse(`{"state":{"__proto__":[${POISON},1]},"stateOffset":1}`) as never,
    );
    const { shared } = client.room;
    expect(JSON.stringify(shared.get("__proto__")?.value)).toBe(POISON);

    deliver(client, `{"type":"state","offset":2,"time":1,"from":"x","set":${POISON}}`);

    expect([...shared.keys()]).toEqual(["__proto__", "constructor", "toString", "then"]);
    expect(shared.get("__proto__")).toEqual({ value: { polluted: 1 }, version: 2 });
    expect(shared.get("hasOwnProperty")).toBeUndefined();
  });

  it("[M1 G12] names that objects inherit are ids and data of members like any other", async () => {
    const client = await joined();

    deliver(
      client,
      `{"type":"presence","joined":[{"id":"__proto__","data":${POISON}},{"id":"constructor"}],"count":3,"roster":"r"}`,
      `{"type":"presence","updated":[{"id":"constructor","data":1}],"left":[{"id":"__proto__","reason":"left"}],"count":2,"roster":"s"}`,
    );

    expect(
      client.emitted.presence.flatMap(({ left }) => left.map(({ data }) => JSON.stringify(data))),
    ).toEqual([POISON]);
    expect(client.room.members.get("constructor")).toEqual({ id: "constructor", data: 1 });
    expect(client.room.members.has("__proto__")).toBe(false);
  });

  it("[E1 F2 G12] names that objects inherit are ignored as codes, types and fields", async () => {
    const client = await joined();

    deliver(
      client,
      '{"type":"error","code":"__proto__","message":"m"}',
      '{"type":"error","code":"constructor","message":"m"}',
      '{"type":"__proto__","offset":7}',
      '{"type":"constructor","__proto__":{"polluted":1}}',
      '{"type":"ack","ref":1,"__proto__":{"polluted":1}}',
    );

    expect(client.emitted.error.map(({ code }) => code)).toEqual(["__proto__", "constructor"]);
    expect(client.room.connection.state).toBe("open");
  });

  it("[A1 T1 G12] names that objects inherit are sent unchanged", async () => {
    const client = await joined();
    const data = JSON.parse(POISON) as Record<string, unknown>;

    void client.room.publish("__proto__", data).catch(() => undefined);
    void client.room.shared.set(data).catch(() => undefined);
    await client.world.pass(1_000);

    const [published, set] = client.transport.items;
    expect(JSON.stringify(published)).toContain(`"data":${POISON}`);
    expect(JSON.stringify(set)).toContain(`"set":${POISON}`);
    client.room.close();
  });
});
