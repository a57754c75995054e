import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { ClientFrameSchema, type ClientItemSchema } from "../../../src/protocol/generated/parlor_pb.ts";
import { serveKinds } from "../support/kinds.ts";
import { evict, request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { token } from "../support/tokens.ts";
import { join, joinWebSocket } from "../support/websocket.ts";

type Act = NonNullable<MessageInitShape<typeof ClientItemSchema>["act"]>;

/** Numbers that a double cannot represent. */
const LOST = [
  "9007199254740993",
  "1285704473650888702",
  "1e400",
  "-1e400",
  "3.14159265358979323846",
] as const;

/** Numbers that a double represents, and how they are serialized. */
const HELD = [
  ["9007199254740992", "9007199254740992"],
  ["1.0", "1"],
  ["-0.0", "0"],
  ["0.30000000000000004", "0.30000000000000004"],
  ["1E+2", "100"],
] as const;

/** The acts that have data, with a number in it, in each dialect. */
const ACTS: readonly [string, (number: string) => string, (json: string) => Act][] = [
  [
    "publish",
    (number) => `{"type":"publish","ref":7,"event":"n","data":[${number}]}`,
    (json) => ({ case: "publish", value: { event: "n", payload: { case: "json", value: json } } }),
  ],
  [
    "set",
    (number) => `{"type":"set","ref":7,"set":{"a":[${number}]}}`,
    (json) => ({ case: "set", value: { set: [{ key: "a", json }] } }),
  ],
  [
    "presence",
    (number) => `{"type":"presence","ref":7,"data":[${number}]}`,
    (json) => ({ case: "presence", value: { json } }),
  ],
];

describe.each(["json", "proto"] as const)("numbers over WebSocket, %s", (as) => {
  /** An act with a number in its data, in the dialect of the test. */
  function frameOf([, text, act]: (typeof ACTS)[number], number: string): string | ArrayBuffer {
    if (as === "json") return text(number);
    const frame = create(ClientFrameSchema, { items: [{ ref: 7n, act: act(`[${number}]`) }] });
    return toBinary(ClientFrameSchema, frame).buffer;
  }

  it.each(ACTS)(
    "[A1 T1 A5 B5] %s with a number that a double cannot represent is rejected with bad_frame and takes no effect",
    async (...act) => {
      const room = uniqueRoom();
      const ana = await join(room, { as });

      for (const number of LOST) {
        expect(await ana.ask(frameOf(act, number))).toMatchObject({
          ...{ type: "error", code: "bad_frame", ref: 7 },
          message: expect.stringContaining(`the number ${number} is not representable as a double`) as string,
        });
      }

      const bob = await join(room, { query: { rewind: "9", state: "1" } });
      const welcome = await bob.welcome();
      expect(welcome).toMatchObject({ count: 2, stateOffset: 0, state: {} });
      expect(welcome.members?.map(({ data }) => data)).toEqual([undefined, undefined]);
    },
  );

  it.each(ACTS)(
    "[A1 T1 A5] %s with a number that a double represents is accepted, and all members receive the same number",
    async (...act) => {
      for (const [sent, read] of HELD) {
        const room = uniqueRoom();
        const [ana, bob] = [await join(room, { as }), await join(room, { as })];

        expect(await ana.ask(frameOf(act, sent))).toMatchObject({ type: "ack", ref: 7 });
        const frame = await bob.inbox.take(
          ["message", "state", "presence"],
          (one) => one.type !== "presence" || one.updated !== undefined,
        );

        expect(JSON.stringify(frame)).toContain(`[${read}]`);
        await evict(room);
        const late = await join(room, { as, query: { rewind: "9", state: "1" } });
        if (act[0] === "publish") await late.inbox.take("position");
        expect(late.inbox.texts.join(" ")).toContain(`[${read}]`);
      }
    },
  );
});

describe("numbers over HTTP", () => {
  it.each(ACTS)(
    "[A1 H1] %s by POST with a number that a double cannot represent is rejected with bad_frame",
    async (_type, text) => {
      const room = uniqueRoom();
      const ana = await join(room);
      const { session, key } = await ana.welcome();

      const answer = await request(roomPath(room, "/messages"), {
        method: "POST",
        headers: { "Parlor-Session": `${session}.${key}` },
        body: `[${text("1e400")},{"type":"publish","ref":8,"event":"e"}]`,
      });

      expect(await answer.json()).toMatchObject([
        { type: "error", code: "bad_frame", ref: 7 },
        { type: "ack", ref: 8, offset: 1 },
      ]);
    },
  );

  it.each(LOST)(
    "[J7] a join whose presence data has %s is rejected with bad_request over both transports",
    async (number) => {
      const room = uniqueRoom();
      const query = { presence: `{"a":${number}}` };

      const socket = await joinWebSocket(room, { query });
      expect(await socket.inbox.take("error")).toMatchObject({ code: "bad_request" });
      const stream = await request(`${roomPath(room, "/events")}?${new URLSearchParams(query).toString()}`);
      expect(stream.status).toBe(400);
      expect(JSON.stringify(await stream.json())).toContain(`the number ${number} is not representable`);
    },
  );
});

describe("numbers in a token's info", () => {
  /** A token with this text as payload. The library that signs tokens would change its numbers. */
  async function tokenWith(payload: (usual: string) => string): Promise<string> {
    const [header = "", usual = ""] = (await token({ info: "INFO" })).split(".");
    const encode = (text: string): string =>
      btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    const input = `${header}.${encode(payload(atob(usual)))}`;
    const secret = new TextEncoder().encode("a-secret-for-tests-of-32-characters");
    const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, [
      "sign",
    ]);
    const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(input)));
    return `${input}.${encode(String.fromCharCode(...signature))}`;
  }

  it.each(LOST)(
    "[D3 D5] a token with %s in its info is rejected with token_invalid, and the message names the number",
    async (number) => {
      const text = await tokenWith((usual) => usual.replace('"INFO"', `{"id":[${number}]}`));
      const refused = await joinWebSocket(uniqueRoom("closed"), {
        to: serveKinds,
        headers: { Authorization: `Bearer ${text}` },
      });

      expect(await refused.inbox.take("error")).toMatchObject({
        code: "token_invalid",
        message: expect.stringContaining(number) as string,
      });
    },
  );

  it("[D3] a number that a double cannot represent is accepted in other claims of a token", async () => {
    const text = await tokenWith((usual) => usual.replace('"INFO"', '{"id":1},"account":9007199254740993'));

    const ana = await join(uniqueRoom("closed"), {
      to: serveKinds,
      headers: { Authorization: `Bearer ${text}` },
    });

    expect((await ana.welcome()).members).toMatchObject([{ info: { id: 1 } }]);
  });
});
