import { expect, it } from "vitest";
import { proto } from "../../src/client/proto.ts";
import { decodeClientBytes } from "../../src/protocol/proto/client-decode.ts";
import { decodeClientText } from "../../src/protocol/decode.ts";
import { encodeServerFrames } from "../../src/protocol/proto/server-encode.ts";
import { settled } from "./fake-world.ts";
import { visit } from "./visit.ts";

const BYTES = Uint8Array.of(0, 1, 2, 254, 255);

it("[A10] bytes are published as base64, as part of an array too", async () => {
  const made = await visit();

  void made.room.publish("shot", BYTES);
  made.room.send("move", BYTES.subarray(1, 3));
  await settled();

  expect(made.line.items).toMatchObject([
    { type: "publish", event: "shot", bytes: "AAEC/v8=" },
    { type: "publish", event: "move", volatile: true, bytes: "AQI=" },
  ]);
  expect(made.line.items.filter((item) => "data" in item)).toEqual([]);
});

it("[A10] a message that carries bytes is told with them, and null as its data", async () => {
  const made = await visit();
  const from = "m".repeat(22);

  made.line.deliver(
    { type: "message", time: 1, from, event: "a", bytes: "AAEC/v8=" },
    { type: "message", time: 1, from, event: "b", bytes: "" },
    { type: "message", time: 1, from, event: "c", data: 1 },
  );

  expect(made.told.message).toMatchObject([
    { event: "a", data: null, bytes: BYTES },
    { event: "b", data: null, bytes: new Uint8Array() },
    { event: "c", data: 1 },
  ]);
  expect(made.told.message[2]?.bytes).toBeUndefined();
});

it.each([
  '{"type":"publish","ref":1,"event":"e","bytes":"AAEC/v8="}',
  '[{"type":"publish","event":"e","volatile":true,"data":[1]},{"type":"presence","ref":2,"data":null}]',
  '{"type":"set","ref":3,"set":{"a":1},"if":{"a":0}}',
  '{"type":"seen","chars":65536}',
])("[B2 B5] the binary dialect writes what the client says: %s", (text) => {
  const written = proto.write(text, "parlor.v1.proto");

  if (typeof written === "string") throw new Error("it is written as text");
  expect(decodeClientBytes(written)).toEqual(decodeClientText(text));
  expect(written.length).toBeLessThan(text.length);
});

it("[B2 B7] it never writes more bytes than JSON has, by which frames are measured: what is shorter as text is text", () => {
  const set = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`k${index}`, index]));
  const text = JSON.stringify({ type: "set", ref: 1, set });

  expect(proto.write(text, "parlor.v1.proto")).toBe(text);
});

it("[B1] it offers JSON behind the binary dialect, and speaks it where the server has no other", () => {
  const text = '{"type":"leave"}';

  expect(proto.protocols).toEqual(["parlor.v1.proto", "parlor.v1"]);
  expect(proto.write(text, "parlor.v1")).toBe(text);
  expect(proto.read(text)).toEqual([{ type: "leave" }]);
});

it("[B2] the binary dialect reads frames and the platform's pong, and tells of what is none", () => {
  const pong = { type: "pong" } as const;
  const ack = { type: "ack", ref: 1 } as const;

  expect(proto.read(encodeServerFrames([ack, pong]).buffer)).toEqual([ack, pong]);
  expect(proto.read('{"type":"pong"}')).toEqual([pong]);
  expect(proto.read(Uint8Array.of(0xff).buffer)).toMatchObject([{ type: "error", code: "bad_frame" }]);
  expect(proto.read({})).toMatchObject([{ type: "error", code: "bad_frame" }]);
});
