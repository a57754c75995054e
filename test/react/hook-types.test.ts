import { expect, expectTypeOf, it } from "vitest";
import { object, string } from "valibot";
import { joinApp } from "../../src/client/schemas.ts";
import { defineApp, type AppOf } from "../../src/protocol/schemas.ts";
import * as react from "../../src/react/index.ts";
import { createHooks } from "../../src/react/index.ts";

interface App {
  events: { chat: { text: string }; cursor: { x: number; y: number } };
  state: { topic: string; votes: number };
  presence: { name: string };
}

const hooks = createHooks<App>();

it("createHooks returns the provider and all hooks that the package exports, as the same functions", () => {
  const { createHooks: _createHooks, shallow: _shallow, ...exported } = react;

  expect({ ...hooks }).toEqual(exported);
});

it("the hooks of createHooks have the types of the application", () => {
  // It is compiled and never called.
  const useAll = (): void => {
    hooks.useEvent("cursor", ({ data }) => expectTypeOf(data).toEqualTypeOf<{ x: number; y: number }>());
    // @ts-expect-error -- the event is not declared
    hooks.useEvent("cusror", () => undefined);
    const publish = hooks.usePublish();
    void publish("chat", { text: "hi" });
    // @ts-expect-error -- the data of another event
    void publish("chat", { x: 1, y: 2 });
    const { messages } = hooks.useHistory({ event: "chat" });
    expectTypeOf(messages[0]?.data.text).toEqualTypeOf<string | undefined>();
    expectTypeOf(hooks.useHistory().messages[0]?.event).toEqualTypeOf<"chat" | "cursor" | undefined>();
    const [votes, setVotes] = hooks.useSharedState("votes");
    expectTypeOf(votes).toEqualTypeOf<number | undefined>();
    void setVotes((before = 0) => before + 1);
    void setVotes(undefined);
    // @ts-expect-error -- votes is a number
    void setVotes("1");
    expectTypeOf(hooks.useSharedState((shared) => shared.get("topic")?.value)).toEqualTypeOf<
      string | undefined
    >();
    // @ts-expect-error -- the key is not declared
    hooks.useSharedState("vots");
    const [me, setMe] = hooks.useMyPresence();
    expectTypeOf(me?.name).toEqualTypeOf<string | undefined>();
    // @ts-expect-error -- the name is missing
    void setMe({});
    expectTypeOf(hooks.useMember("a")?.data?.name).toEqualTypeOf<string | undefined>();
    expectTypeOf(hooks.useMembers((members) => members.get("a")?.data)).toEqualTypeOf<
      { name: string } | undefined
    >();
    hooks.RoomProvider({ url: "https://host/rooms/a", options: { presence: { name: "Ana" } } });
    // @ts-expect-error -- the name is missing
    hooks.RoomProvider({ url: "https://host/rooms/a", options: { presence: {} } });
  };

  expectTypeOf(useAll).returns.toBeVoid();
});

it("the provider of createHooks can join with schemas", () => {
  const app = defineApp({ events: { chat: object({ text: string() }) } });
  const { RoomProvider } = createHooks<AppOf<typeof app>>();
  const render = (): unknown =>
    RoomProvider({
      url: "https://host/rooms/a",
      join: (url, options) => joinApp(app, url, options),
    });

  expectTypeOf(render).returns.toBeUnknown();
});
