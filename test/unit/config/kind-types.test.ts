import { describe, expectTypeOf, it } from "vitest";
import { object, string } from "valibot";
import { refuse } from "../../../src/config/hooks.ts";
import { defineKind, type KindDefinition, type Kinds } from "../../../src/config/kinds.ts";
import { defineApp } from "../../../src/protocol/schemas.ts";
import type { Json } from "../../../src/protocol/json.ts";

interface App {
  events: { chat: { text: string }; cursor: { x: number; y: number } };
  state: { topic: string; votes: number };
  presence: { name: string };
}

describe("defineKind", () => {
  it("the hooks of a kind have the declared events, state and presence data", () => {
    const kind = defineKind<App>({
      text: "typed",
      hooks: {
        onPresence: (_room, member, data) => {
          expectTypeOf(member.data).toEqualTypeOf<{ name: string } | null>();
          return { data: { name: data.name.trim() } };
        },
        onPublish: (room, _member, message) => {
          room.publish("chat", { text: "hi" });
          // @ts-expect-error -- the event is not declared
          room.publish("chta", { text: "hi" });
          // @ts-expect-error -- votes is a number
          const wrong = (): void => room.set({ votes: "1" });
          expectTypeOf(wrong).returns.toBeVoid();
          room.set({ votes: (room.get("votes")?.value ?? 0) + 1 });
          if (message.event === "chat" && message.data.text === "") return refuse("write a text");
          return { event: "chat", data: { text: "changed" } };
        },
        onSet: (_room, _member, { set, deleted }) => {
          expectTypeOf(set.get("votes")).toEqualTypeOf<number | undefined>();
          expectTypeOf(deleted).toEqualTypeOf<readonly ("topic" | "votes")[]>();
        },
      },
    });

    expectTypeOf(kind).toEqualTypeOf<KindDefinition>();
    expectTypeOf({ default: kind }).toExtend<Kinds>();
  });

  it("a hook cannot return data that is not declared", () => {
    const kind = (): KindDefinition =>
      defineKind<App>({
        text: "typed",
        // @ts-expect-error -- a name is missing
        hooks: { onPresence: () => ({ data: {} }) },
      });

    expectTypeOf(kind).returns.toEqualTypeOf<KindDefinition>();
  });

  it("the hooks of a kind with schemas have the types of the schemas", () => {
    const app = defineApp({ events: { chat: object({ text: string() }) } });
    const kind = defineKind({
      text: "checked",
      schemas: app,
      hooks: {
        onPublish: (_room, member, { event, data }) => {
          expectTypeOf(event).toEqualTypeOf<"chat">();
          expectTypeOf(data.text).toBeString();
          expectTypeOf(member.data).toEqualTypeOf<Json>();
        },
      },
    });

    expectTypeOf(kind).toEqualTypeOf<KindDefinition>();
  });

  it("without types the hooks of a kind receive JSON", () => {
    const kind = defineKind({
      text: "any",
      hooks: {
        onPublish: (room, member, { event, data }) => {
          expectTypeOf(event).toBeString();
          expectTypeOf(data).toEqualTypeOf<Json>();
          expectTypeOf(member.data).toEqualTypeOf<Json>();
          room.set({ any: 1 });
        },
      },
    });

    expectTypeOf(kind).toEqualTypeOf<KindDefinition>();
  });
});
