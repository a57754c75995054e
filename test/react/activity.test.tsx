import { Activity, type ReactElement } from "react";
import { expect, it } from "vitest";
import {
  useConnection,
  useHistory,
  useMembers,
  useMyPresence,
  useRoom,
  type SetMyPresence,
} from "../../src/react/index.ts";
import { afterTimers, change, Page } from "./support/render.tsx";
import { crowd, Rooms } from "./support/rooms.tsx";

it("a provider that React hides leaves the room, and joins it again when it is shown", async () => {
  const [page, rooms] = [new Page(), new Rooms()];
  let set: SetMyPresence<string> = () => Promise.resolve();
  const Component = (): ReactElement => {
    const [me, setMe] = useMyPresence<string>();
    set = setMe;
    const isNewest = useRoom() === rooms.joined.at(-1)?.client.room;
    const size = useMembers((members) => members.size);
    return <p>{[useConnection().state, isNewest, size, me, useHistory().messages.length].join(" ")}</p>;
  };
  const show = (mode: "visible" | "hidden"): Promise<void> =>
    page.render(
      <Activity mode={mode}>
        <rooms.Provider
          options={{ presence: "Ana", fetch: async () => Response.json({ messages: [], more: false }) }}
        >
          <Component />
        </rooms.Provider>
      </Activity>,
    );
  await show("visible");
  await rooms.welcome({ members: crowd(2), count: 2 });
  expect(page.text).toBe("open true 2 Ana 0");

  await change(() => void set("Ada"));
  await show("hidden");
  await afterTimers();
  expect(rooms.transport.isLeft).toBe(true);
  await show("visible");
  expect(page.text).toBe("connecting true 0 Ada 0");
  await rooms.welcome({ members: crowd(3), count: 3 });
  await change(() =>
    rooms.transport.deliver({ type: "message", offset: 1, time: 1, from: "m1", event: "chat", data: "hi" }),
  );

  expect(page.text).toBe("open true 3 Ada 1");
  expect(rooms.joined.map(({ options }) => options.presence)).toEqual(["Ana", "Ada"]);
});
