import { describe, expectTypeOf, it } from "vitest";
import { object, number, optional, pipe, string, transform } from "valibot";
import { z } from "zod";
import {
  joinRoom,
  type Json,
  type Member,
  type Published,
  type Room,
  type RoomMessage,
} from "../../src/client/index.ts";
import { joinApp } from "../../src/client/schemas.ts";
import { defineApp, type AppOf } from "../../src/protocol/schemas.ts";

interface App {
  events: { chat: { text: string; at?: number }; cursor: { x: number; y: number }; image: Uint8Array };
  state: { topic: string; votes: number; [hand: `hand:${string}`]: boolean };
  presence: { name: string };
  requests: { hand: { data: { round: number }; reply: string[] } };
}

// The functions in this file are compiled and never called. Each test states the types of its function's results.

describe("a room with declared types", () => {
  it("publish and send accept the declared events with their data, and no others", () => {
    const acts = (room: Room<App>): Promise<Published>[] => {
      room.send("cursor", { x: 1, y: 2 });
      room.send("image", Uint8Array.of(1));
      // @ts-expect-error -- a field is missing
      room.send("cursor", { x: 1 });
      // @ts-expect-error -- the event is not declared
      void room.publish("chta", { text: "hi" });
      // @ts-expect-error -- the data of another event
      void room.publish("chat", { x: 1, y: 2 });
      // @ts-expect-error -- a field that is not declared
      void room.publish("chat", { text: "hi", color: "red" });
      // @ts-expect-error -- bytes are declared
      void room.publish("image", "text");
      return [room.publish("chat", { text: "hi" }, { timeoutMs: 1_000 })];
    };

    expectTypeOf(acts).returns.toEqualTypeOf<Promise<Published>[]>();
  });

  it("a comparison of a message's event decides the type of its data", () => {
    const texts = (message: RoomMessage<App>): string | number | Uint8Array => {
      // @ts-expect-error -- the event is not declared
      if (message.event === "chta") return 0;
      // @ts-expect-error -- not every event has a text
      void message.data?.text;
      if (message.event === "chat") return message.data.text;
      if (message.event === "cursor") return message.data.x;
      expectTypeOf(message.data).toEqualTypeOf<null>();
      return message.bytes;
    };

    expectTypeOf(texts).returns.toEqualTypeOf<string | number | Uint8Array>();
    expectTypeOf<RoomMessage<App, "chat">["data"]>().toEqualTypeOf<{ text: string; at?: number }>();
    expectTypeOf<RoomMessage<App>["offset"]>().toEqualTypeOf<number | undefined>();
  });

  it("the event message, the history and the loop over messages have the declared types", () => {
    const listen = async (room: Room<App>): Promise<void> => {
      room.on("message", (message) => expectTypeOf(message).toEqualTypeOf<RoomMessage<App>>());
      room.on("presence", ({ joined }) => expectTypeOf(joined).toEqualTypeOf<readonly Member<App>[]>());
      room.on("shared", ({ keys }) =>
        expectTypeOf(keys).toEqualTypeOf<readonly ("topic" | "votes" | `hand:${string}`)[]>(),
      );
      for await (const message of room.history()) expectTypeOf(message).toEqualTypeOf<RoomMessage<App>>();
      for await (const message of room.messages()) expectTypeOf(message).toEqualTypeOf<RoomMessage<App>>();
    };

    expectTypeOf(listen).returns.resolves.toBeVoid();
  });

  it("the shared state has the declared keys and values", () => {
    const state = (room: Room<App>, id: string): void => {
      expectTypeOf(room.shared.get("topic")?.value).toEqualTypeOf<string | undefined>();
      expectTypeOf(room.shared.get(`hand:${id}`)?.value).toEqualTypeOf<boolean | undefined>();
      expectTypeOf([...room.shared.values()][0]?.value).toEqualTypeOf<
        string | number | boolean | undefined
      >();
      // @ts-expect-error -- the key is not declared
      void room.shared.get("tpoic");
      void room.shared.set({ votes: 3 }, { if: { topic: 1 }, delete: ["topic"] });
      void room.shared.set({ [`hand:${id}`]: true }, { own: true });
      // @ts-expect-error -- votes is a number
      void room.shared.set({ votes: "3" });
      // @ts-expect-error -- the key is not declared
      void room.shared.set({ vots: 3 });
      // @ts-expect-error -- the key is not declared
      void room.shared.set({ votes: 3 }, { delete: ["vots"] });
      void room.shared.update("votes", (votes = 0) => votes + 1);
      void room.shared.update("votes", () => undefined);
      // @ts-expect-error -- votes is a number
      void room.shared.update("votes", (votes) => String(votes));
    };

    expectTypeOf(state).returns.toBeVoid();
  });

  it("presence data has the declared type, also in the options of joinRoom", () => {
    const present = (room: Room<App>): void => {
      expectTypeOf(room.members.get("a")?.data).toEqualTypeOf<{ name: string } | undefined>();
      void room.setPresence({ name: "Ana" });
      // @ts-expect-error -- the name is missing
      void room.setPresence({});
      joinRoom<App>("https://host/rooms/a", { presence: { name: "Ana" } });
      // @ts-expect-error -- the name is missing
      joinRoom<App>("https://host/rooms/a", { presence: {} });
    };

    expectTypeOf(present).returns.toBeVoid();
  });

  it("requests and their handlers have the declared types", () => {
    const ask = (room: Room<App>): Promise<string[]> => {
      room.onRequest("hand", ({ data }) => [String(data.round)]);
      room.onRequest("hand", async () => ["ace"]);
      // @ts-expect-error -- the reply is a list of texts
      room.onRequest("hand", () => 1);
      // @ts-expect-error -- the request is not declared
      void room.request("a", "foot", {});
      // @ts-expect-error -- the round is missing
      void room.request("a", "hand", {});
      return room.request("a", "hand", { round: 1 });
    };

    expectTypeOf(ask).returns.resolves.toEqualTypeOf<string[]>();
  });

  it("a part that an application does not declare has no types", () => {
    const act = (room: Room<Pick<App, "events">>): void => {
      void room.shared.set({ any: "value" });
      expectTypeOf(room.shared.get("any")?.value).toEqualTypeOf<Json | undefined>();
      expectTypeOf(room.members.get("a")?.data).toEqualTypeOf<Json | undefined>();
      // @ts-expect-error -- the event is not declared
      room.send("any", 1);
    };

    expectTypeOf(act).returns.toBeVoid();
  });

  it("a type that declares no part of an application is rejected", () => {
    // @ts-expect-error -- it declares `event`, not `events`
    expectTypeOf<Room<{ event: { chat: string } }>>().not.toBeNever();
  });
});

describe("a room without declared types", () => {
  it("without types a room sends anything, and receives JSON", () => {
    const act = (room: Room): Promise<Published> => {
      room.send("any", Uint8Array.of(1));
      room.on("message", ({ event, data, bytes }) => {
        expectTypeOf(event).toBeString();
        expectTypeOf(data).toEqualTypeOf<Json>();
        expectTypeOf(bytes).toEqualTypeOf<Uint8Array | undefined>();
      });
      void room.shared.update("votes", (votes = 0) => Number(votes) + 1);
      expectTypeOf(room.shared.get("any")?.value).toEqualTypeOf<Json | undefined>();
      expectTypeOf(room.request("a", "any", 1)).resolves.toEqualTypeOf<Json>();
      return room.publish("any", { at: new Date() });
    };

    expectTypeOf(act).returns.resolves.toEqualTypeOf<Published>();
    expectTypeOf(joinRoom).returns.toExtend<Room>();
  });

  it("a room with declared types can be passed to a function that takes any room", () => {
    expectTypeOf<Room<App>>().toExtend<Room>();
  });
});

const app = defineApp({
  events: {
    chat: object({ text: string() }),
    cursor: z.object({ x: z.number() }),
    image: z.instanceof(Uint8Array),
  },
  state: { topic: string(), "hand:*": z.boolean() },
  presence: object({ name: string(), age: optional(pipe(number(), transform(String))) }),
  requests: { hand: { data: object({ round: number() }), reply: z.array(z.string()) } },
});

describe("types of schemas", () => {
  it("the schemas of Valibot and Zod give the types of the data that they accept", () => {
    type FromSchemas = AppOf<typeof app>;

    expectTypeOf<FromSchemas["events"]["chat"]>().toEqualTypeOf<{ text: string }>();
    expectTypeOf<FromSchemas["events"]["cursor"]>().toEqualTypeOf<{ x: number }>();
    expectTypeOf<FromSchemas["state"]["topic"]>().toEqualTypeOf<string>();
    expectTypeOf<FromSchemas["state"]["hand:7"]>().toEqualTypeOf<boolean>();
    expectTypeOf<FromSchemas["presence"]>().toEqualTypeOf<{ name: string; age?: number | undefined }>();
    expectTypeOf<FromSchemas["requests"]["hand"]["reply"]>().toEqualTypeOf<string[]>();
  });

  it("joinApp returns a room with the types of the schemas", () => {
    const join = (): void => {
      const room = joinApp(app, "https://host/rooms/a", { presence: { name: "Ana" } });
      void room.publish("chat", { text: "hi" });
      // @ts-expect-error -- text is a string
      void room.publish("chat", { text: 1 });
      room.on("message", (message) => {
        if (message.event === "image") expectTypeOf(message.bytes).toEqualTypeOf<Uint8Array>();
      });
      // @ts-expect-error -- the name is missing
      joinApp(app, "https://host/rooms/a", { presence: {} });
    };

    expectTypeOf(join).returns.toBeVoid();
  });
});
