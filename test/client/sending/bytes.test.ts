import { describe, expect, it } from "vitest";
import type { Dialect } from "../../../src/client/transports/dialect.ts";
import { encodeSet, withRef } from "../../../src/client/sending/encode.ts";
import { proto } from "../../../src/client/proto.ts";
import { decodeClientBytes } from "../../../src/protocol/proto/client-decode.ts";
import { decodeClientText } from "../../../src/protocol/decode.ts";
import { encodeServerFrames } from "../../../src/protocol/proto/server-encode.ts";
import { settled } from "../support/fake-world.ts";
import { joined, type TestClient } from "../support/test-client.ts";

const BYTES = Uint8Array.of(0, 1, 2, 254, 255);

it("[A10] bytes are published as base64, also if they are a view of a part of a buffer", async () => {
  const client = await joined();

  void client.room.publish("shot", BYTES);
  client.room.send("move", BYTES.subarray(1, 3));
  await settled();

  expect(client.transport.items).toMatchObject([
    { type: "publish", event: "shot", bytes: "AAEC/v8=" },
    { type: "publish", event: "move", volatile: true, bytes: "AQI=" },
  ]);
  expect(client.transport.items.filter((item) => "data" in item)).toEqual([]);
});

it("[A10] a message with bytes is emitted with them, and with null as its data", async () => {
  const client = await joined();
  const from = "m".repeat(22);

  client.transport.deliver(
    { type: "message", time: 1, from, event: "a", bytes: "AAEC/v8=" },
    { type: "message", time: 1, from, event: "b", bytes: "" },
    { type: "message", time: 1, from, event: "c", data: 1 },
  );

  expect(client.emitted.message).toMatchObject([
    { event: "a", data: null, bytes: BYTES },
    { event: "b", data: null, bytes: new Uint8Array() },
    { event: "c", data: 1 },
  ]);
  expect(client.emitted.message[2]?.bytes).toBeUndefined();
});

it.each([
  '{"type":"publish","ref":1,"event":"e","bytes":"AAEC/v8="}',
  '[{"type":"publish","event":"e","volatile":true,"data":[1]},{"type":"presence","ref":2,"data":null}]',
  '{"type":"set","ref":3,"set":{"a":1},"if":{"a":0}}',
  '{"type":"seen","chars":65536}',
])("[B2 B5] the binary dialect encodes frames of the client: %s", (text) => {
  const written = proto.write(text, "parlor.v1.proto");

  if (typeof written === "string") throw new Error("it is written as text");
  expect(decodeClientBytes(written)).toEqual(decodeClientText(text));
  expect(written.length).toBeLessThan(text.length);
});

it("[B2 B7] the binary dialect never writes more bytes than JSON: a frame that is shorter as text is sent as text", () => {
  const set = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`k${index}`, index]));
  const text = JSON.stringify({ type: "set", ref: 1, set });

  expect(proto.write(text, "parlor.v1.proto")).toBe(text);
});

it("[B1] the binary dialect also offers JSON, and uses it if the server chooses it", () => {
  const text = '{"type":"leave"}';

  expect(proto.protocols).toEqual(["parlor.v1.proto", "parlor.v1"]);
  expect(proto.write(text, "parlor.v1")).toBe(text);
  expect(proto.read(text)).toEqual([{ type: "leave" }]);
});

it("[B2] the binary dialect decodes frames and the platform's pong, and reports data that is not a frame", () => {
  const pong = { type: "pong" } as const;
  const ack = { type: "ack", ref: 1 } as const;

  expect(proto.read(encodeServerFrames([ack, pong]).buffer)).toEqual([ack, pong]);
  expect(proto.read('{"type":"pong"}')).toEqual([pong]);
  expect(proto.read(Uint8Array.of(0xff).buffer)).toMatchObject([{ type: "error", code: "bad_frame" }]);
  expect(proto.read({})).toMatchObject([{ type: "error", code: "bad_frame" }]);
});

it.each<[string, unknown]>([
  ["an ArrayBuffer", BYTES.buffer],
  ["a DataView", new DataView(BYTES.buffer)],
  ["an Int8Array", new Int8Array(BYTES.buffer)],
  ["a Buffer of Node", Buffer.from(BYTES)],
])("[A10] %s is published as raw bytes, recorded or volatile", async (_what, data) => {
  const client = await joined();

  void client.room.publish("shot", data);
  client.room.send("move", data);
  await settled();

  expect(client.transport.items.map((item) => (item as { bytes?: string }).bytes)).toEqual([
    "AAEC/v8=",
    "AAEC/v8=",
  ]);
});

it.each<[string, unknown]>([
  ["a Map", new Map()],
  ["NaN", { a: NaN }],
  ["a function", () => 1],
  ["bytes among other data", { picture: BYTES }],
  ["a detached buffer", detached()],
])("[A1 A10] %s is rejected with bad_frame, wherever it is given, and never sent", async (_what, data) => {
  const client = await joined();
  const codeOf = (act: Promise<unknown>): Promise<unknown> =>
    act.then(
      () => "resolved",
      ({ code }: { readonly code: string }) => code,
    );

  const acts = [
    client.room.publish("e", data),
    client.room.shared.set({ a: data }),
    client.room.setPresence(data),
  ];
  client.room.send("e", data);
  await settled();

  expect(await Promise.all(acts.map(codeOf))).toEqual(["bad_frame", "bad_frame", "bad_frame"]);
  expect(client.emitted.error.map(({ code }) => code)).toEqual(["bad_frame"]);
  expect(client.transport.items).toEqual([]);
});

it.each<[string, object, object]>([
  ["values", new Map([["a", 1]]), {}],
  ["versions", { a: 1 }, { if: new Map([["a", 0]]) }],
])(
  "[T1 T2] %s in a Map are rejected with bad_frame, because none of them would be sent",
  async (_what, values, options) => {
    const client = await joined();

    await expect(client.room.shared.set(values as never, options)).rejects.toMatchObject({
      code: "bad_frame",
    });
    await settled();

    expect(client.transport.items).toEqual([]);
  },
);

describe("the size of a frame", () => {
  const max = 65_536;

  /** A room over a connection with a dialect. */
  async function over(dialect: Dialect | undefined): Promise<TestClient> {
    const client = await joined({}, { limits: { maxFrameBytes: max } });
    Object.assign(client.transport, {
      sizeOf: (text: string) => dialect?.sizeOf?.(text, "parlor.v1.proto"),
    });
    return client;
  }

  /** The size of a sent frame. */
  function sizesOf({ transport }: TestClient): number[] {
    return transport.frames.map((items) => {
      const written = proto.write(JSON.stringify(items.length === 1 ? items[0] : items), "parlor.v1.proto");
      return typeof written === "string" ? Buffer.byteLength(written) : written.length;
    });
  }

  it("[B7 F3] the size of a frame in the binary dialect is its binary size: raw bytes up to the limit are sent", async () => {
    const client = await over(proto);
    const overhead =
      proto.sizeOf?.('{"ref":1790000000000001,"type":"publish","event":"y","bytes":""}', "") ?? 0;
    const most = max - overhead - 3 * 2; // three lengths, each of three bytes in place of one

    const fits = client.room.publish("y", new Uint8Array(most));
    const large = client.room.publish("y", new Uint8Array(most + 1));
    await client.world.pass(1_000);
    client.transport.ack(client.transport.refs, 1);

    expect(sizesOf(client)).toEqual([max]);
    expect(await fits).toEqual({ offset: 1 });
    await expect(large).rejects.toMatchObject({ code: "frame_too_large", limit: "maxFrameBytes" });
  });

  it("[F3] the size of raw bytes in JSON is the size of their base64", async () => {
    const client = await over(undefined);

    const fits = client.room.publish("y", new Uint8Array(49_000));
    const large = client.room.publish("y", new Uint8Array(49_200));
    await client.world.pass(1_000);
    client.transport.ack(client.transport.refs, 1);

    expect(await fits).toEqual({ offset: 1 });
    await expect(large).rejects.toMatchObject({ code: "frame_too_large" });
  });

  it("[B7 F3] no frame of several acts is larger than the room's limit, in either dialect", async () => {
    const client = await over(proto);
    const keys = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`k${index}`, index]));

    for (let index = 0; index < 40; index++) {
      void client.room.publish("y", new Uint8Array(12_000 + index));
      void client.room.shared.set(keys);
    }
    await client.world.pass(1_000);

    expect(client.transport.items).toHaveLength(80);
    expect(Math.max(...sizesOf(client))).toBeLessThanOrEqual(max);
    expect(client.transport.frames.length).toBeLessThan(20);
  });

  it("[B7 F3] a set that is smaller as text than in the binary dialect is sent up to the text's limit", async () => {
    const client = await over(proto);
    const keys = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`k${index}`, index]));
    const { text, bytes } = withRef(encodeSet(keys, {}), 1_790_000_000_000_001);
    expect(proto.sizeOf?.(text, "")).toBeGreaterThan(bytes);

    client.transport.end();
    await client.nextDial();
    Object.assign(client.transport, { sizeOf: (frame: string) => proto.sizeOf?.(frame, "") });
    client.transport.welcome({ limits: { maxFrameBytes: bytes } });
    const fits = client.room.shared.set(keys);
    await client.world.pass(1_000);
    client.transport.ack(client.transport.refs, 1);

    expect(await fits).toEqual({ offset: 1 });
  });
});

function detached(): ArrayBuffer {
  const buffer = new ArrayBuffer(8);
  structuredClone(buffer, { transfer: [buffer] });
  return buffer;
}
