import { once } from "node:events";
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { joinRoom, type JoinOptions, type Room, type RoomMessage } from "../../src/client/index.ts";
import { proto } from "../../src/client/proto.ts";
import {
  ClientFrameSchema,
  ServerFrameSchema,
  type Messages,
  type ServerItem,
} from "../../src/protocol/generated/parlor_pb.ts";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { roomUrl } from "../support/member.ts";
import { uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";

let server: ServerProcess;

beforeAll(async () => {
  server = await startBareRuntime({ vars: { ADDRESS_LIMITS: "off" } });
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

/** A client in a room, and the messages that it received. */
class RecordingClient implements Disposable {
  readonly room: Room;
  readonly told: RoomMessage[] = [];

  constructor(room: string, options: JoinOptions) {
    this.room = joinRoom(roomUrl(server.url, room), {
      minReconnectDelayMs: 100,
      maxReconnectDelayMs: 1_000,
      ...options,
    });
    this.room.on("message", (message) => this.told.push(message));
  }

  /** The data or bytes of the recorded messages. */
  get recorded(): unknown[] {
    return this.told.filter(({ offset }) => offset !== undefined).map(({ data, bytes }) => bytes ?? data);
  }

  async joined(): Promise<this> {
    if (this.room.connection.state !== "open") {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.room.on("welcome", () => resolve());
      await promise;
    }
    return this;
  }

  [Symbol.dispose](): void {
    this.room.close();
  }
}

describe("the client with the binary dialect", () => {
  it("[B1 B6 A10 G4 G5 G6] binary, JSON and SSE members receive the same messages and bytes, and a kill -9 loses nothing", async () => {
    const room = uniqueRoom();
    using ana = new RecordingClient(room, { dialect: proto, transports: ["websocket"] });
    using ben = new RecordingClient(room, { transports: ["websocket"] });
    using cem = new RecordingClient(room, { dialect: proto, transports: ["sse"] });
    const all = [ana, ben, cem];
    await Promise.all(all.map((each) => each.joined()));
    const published: unknown[] = [];
    const sayAll = async (): Promise<void> => {
      for (const [index, each] of all.entries()) {
        for (const data of [
          { by: index, of: published.length },
          Uint8Array.of(index, published.length, 255),
        ]) {
          published.push(data);
          await each.room.publish("e", data);
        }
      }
    };

    await sayAll();
    await server.restart();
    await sayAll();
    await ana.room.shared.set({ topic: "bytes" });

    for (const each of all) {
      await expect.poll(() => each.recorded, { timeout: 20_000 }).toEqual(published);
      await expect.poll(() => each.room.shared.get("topic")?.value).toBe("bytes");
      expect(new Set(each.room.members.keys())).toEqual(new Set(all.map(({ room: { self } }) => self)));
    }
  });

  it("[B6 A4 G8] volatile bytes reach other members unchanged in every dialect", async () => {
    const room = uniqueRoom();
    using ana = await new RecordingClient(room, { dialect: proto, transports: ["websocket"] }).joined();
    using ben = await new RecordingClient(room, { transports: ["websocket"] }).joined();
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);

    ana.room.send("move", bytes);
    ben.room.send("move", bytes);

    for (const each of [ana, ben]) {
      await expect
        .poll(() => each.told, { timeout: 10_000 })
        .toMatchObject([{ event: "move", data: null, bytes }]);
    }
  });

  it("[B1] a binary client without WebSocket falls back to SSE with JSON", async () => {
    /** A WebSocket that every network blocks. */
    class Broken {
      readonly bufferedAmount = 0;
      addEventListener(type: string, listener: (event: never) => void): void {
        if (type === "error") queueMicrotask(() => listener(new Event("error") as never));
      }
      send(): void {}
      close(): void {}
    }

    using ana = await new RecordingClient(uniqueRoom(), { dialect: proto, WebSocket: Broken }).joined();
    await ana.room.publish("e", Uint8Array.of(7));

    expect(ana.room.connection.transport).toBe("sse");
    await expect.poll(() => ana.recorded).toEqual([Uint8Array.of(7)]);
  });
});

/** A client that uses nothing of Parlor except the schema. */
class Stranger {
  readonly socket: WebSocket;
  readonly items: ServerItem[] = [];

  constructor(room: string, query = "") {
    this.socket = new WebSocket(`${server.wsUrl}/rooms/${room}?${query}`, ["parlor.v1.proto"]);
    this.socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (!isBinary) throw new Error(`a text came: ${data.toString()}`);
      this.items.push(...fromBinary(ServerFrameSchema, data).items);
    });
  }

  async welcome() {
    if (this.items.length === 0) await once(this.socket, "message");
    const [first] = this.items;
    if (first?.item.case !== "welcome") throw new Error(`${first?.item.case} came first`);
    return first.item.value;
  }

  send(init: MessageInitShape<typeof ClientFrameSchema>): void {
    this.socket.send(toBinary(ClientFrameSchema, create(ClientFrameSchema, init)));
  }

  /** Every message, read as the comment on `Messages` describes. */
  get messages(): object[] {
    return this.items.flatMap(({ item }) => (item.case === "messages" ? readGroup(item.value) : []));
  }

  get acks(): (bigint | undefined)[] {
    return this.items.flatMap(({ item }) => (item.case === "ack" ? [item.value.offset] : []));
  }
}

function readGroup(group: Messages): object[] {
  const entry = (column: number[], index: number): number => column[Math.min(index, column.length - 1)] ?? 0;
  return [...group.json, ...group.raw].map((payload, index) => {
    const sender = entry(group.sender, index);
    const id = Buffer.from(group.senders.subarray(17 * (sender - 1), 17 * sender)).toString("base64url");
    return {
      offset: group.offset === undefined ? undefined : group.offset + BigInt(index),
      from: sender === 0 ? "room" : id.slice(0, 22),
      event: group.events[entry(group.event, index)],
      payload:
        typeof payload === "string" ? (JSON.parse(payload) as unknown) : Buffer.from(payload).toString("hex"),
    };
  });
}

describe("a client that uses only the schema", () => {
  it("[B2 B3 B4 B5 G4] a client that is written from the schema joins, acts, reads columns, and resumes from its position", async () => {
    const room = uniqueRoom();
    const ana = new Stranger(room);
    const { member, key, position } = await ana.welcome();
    expect(ana.socket.protocol).toBe("parlor.v1.proto");

    ana.send({
      items: [
        { ref: 1n, act: { case: "publish", value: { event: "a", payload: { case: "json", value: "[1]" } } } },
        { ref: 2n, act: { case: "publish", value: { event: "b", payload: { case: "json", value: '"x"' } } } },
        {
          ref: 3n,
          act: {
            case: "publish",
            value: { event: "b", payload: { case: "raw", value: Uint8Array.of(255) } },
          },
        },
      ],
    });
    await expect.poll(() => ana.acks).toEqual([1n, 2n, 3n]);

    const from = member;
    const all = [
      { offset: 1n, from, event: "a", payload: [1] },
      { offset: 2n, from, event: "b", payload: "x" },
      { offset: 3n, from, event: "b", payload: "ff" },
    ];
    expect(ana.messages).toEqual(all);
    ana.send({ items: [{ act: { case: "leave", value: {} } }] });
    const [code] = (await once(ana.socket, "close")) as [number];
    expect(code).toBe(4507);

    const back = new Stranger(room, `key=${key}&after=${encodeURIComponent(position)}`);
    expect(await back.welcome()).toMatchObject({ member, recovered: true });
    await expect.poll(() => back.messages).toEqual(all);
    expect(back.items.at(-1)?.item).toMatchObject({ case: "position", value: { reason: "replayed" } });
    back.socket.terminate();
  });
});
