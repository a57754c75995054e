import { StrictMode, useEffect, type ReactElement } from "react";
import { describe, expect, it, vi } from "vitest";
import { ParlorError, type Room } from "../../src/client/index.ts";
import {
  useConnection,
  useEvent,
  useHistory,
  useMember,
  useMemberCount,
  useMembers,
  useMyPresence,
  usePublish,
  useRoom,
  useSharedState,
  type Publish,
} from "../../src/react/index.ts";
import { randomKey } from "../../src/protocol/ids.ts";
import { afterTimers, change, Page } from "./support/render.tsx";
import { Rooms } from "./support/rooms.tsx";

const HOOKS: Readonly<Record<string, () => unknown>> = {
  useConnection,
  useEvent: () => useEvent("chat", () => undefined),
  useHistory,
  useMember: () => useMember("me"),
  useMemberCount,
  useMembers,
  useMyPresence,
  usePublish,
  useRoom,
  useSharedState: () => useSharedState("topic"),
};

function State(): ReactElement {
  const { state, transport, code, reason } = useConnection();
  return <p>{[state, transport, code, reason].filter(Boolean).join(" ")}</p>;
}

describe("RoomProvider", () => {
  it("a provider in StrictMode joins its room once, and leaves it when it is unmounted", async () => {
    const [page, rooms] = [new Page(), new Rooms()];

    await page.render(
      <StrictMode>
        <rooms.Provider options={{ presence: { name: "Ana" } }}>
          <State />
        </rooms.Provider>
      </StrictMode>,
    );
    await afterTimers();

    expect(rooms.joined).toMatchObject([{ url: rooms.url, options: { presence: { name: "Ana" } } }]);
    expect(page.text).toBe("connecting");
    await rooms.welcome();
    expect(page.text).toBe("open websocket");
    await page.unmount();
    expect(rooms.transport.isLeft).toBe(true);
    expect(rooms.joined).toHaveLength(1);
  });

  it("two providers of one room share a connection, and the member leaves with the last of them", async () => {
    const [page, rooms] = [new Page(), new Rooms()];
    const both = (isBoth: boolean): ReactElement => (
      <>
        {isBoth && (
          <rooms.Provider key="first">
            <State />
          </rooms.Provider>
        )}
        <rooms.Provider key="second">
          <State />
        </rooms.Provider>
      </>
    );
    await page.render(both(true));
    await rooms.welcome();
    expect(page.text).toBe("open websocketopen websocket");

    await page.render(both(false));
    await afterTimers();

    expect(page.text).toBe("open websocket");
    expect(rooms.transport).toMatchObject({ isLeft: false, isClosed: false });
    await page.unmount();
    expect(rooms.transport.isLeft).toBe(true);
    expect(rooms.joined).toHaveLength(1);
  });

  it("a component that is unmounted leaves the room to the others below the provider", async () => {
    const [page, rooms] = [new Page(), new Rooms()];
    await page.render(
      <rooms.Provider>
        <State key="a" />
        <State key="b" />
      </rooms.Provider>,
    );
    await rooms.welcome();

    await page.render(
      <rooms.Provider>
        <State key="b" />
      </rooms.Provider>,
    );
    await afterTimers();

    expect(page.text).toBe("open websocket");
    expect(rooms.transport.isLeft).toBe(false);
  });

  it("another address or key leaves the room and joins the other one", async () => {
    const [page, rooms] = [new Page(), new Rooms()];
    const [key, other] = [randomKey(), `${rooms.url}-2`];
    await page.render(<rooms.Provider children={<State />} />);
    await rooms.welcome();

    await page.render(<rooms.Provider children={<State />} url={other} />);
    await afterTimers();
    expect(rooms.joined.map(({ url }) => url)).toEqual([rooms.url, other]);
    expect(rooms.joined[0]?.client.transport.isLeft).toBe(true);
    expect(page.text).toBe("connecting");
    await rooms.welcome();

    await page.render(<rooms.Provider children={<State />} url={other} options={{ key }} />);
    await afterTimers();
    expect(rooms.joined.map(({ options }) => options.key)).toEqual([undefined, undefined, key]);
    expect(rooms.joined[1]?.client.transport.isLeft).toBe(true);
  });

  it("other options are read once, and the newest getToken is called", async () => {
    const [page, rooms] = [new Page(), new Rooms()];
    const getToken = (): string => "newest";
    await page.render(<rooms.Provider options={{ rewind: 1, getToken: () => "first" }} />);

    await page.render(<rooms.Provider options={{ rewind: 2, getToken }} />);

    expect(rooms.joined).toMatchObject([{ options: { rewind: 1 } }]);
    expect(await rooms.joined[0]?.options.getToken?.()).toBe("newest");
  });

  it("a provider that is mounted again joins a room again that was closed for good", async () => {
    const [page, rooms] = [new Page(), new Rooms()];
    await page.render(<rooms.Provider key="1" children={<State />} />);
    await change(() => rooms.transport.end(4503, "removed"));
    expect(page.text).toBe("closed 4503 removed");

    await page.render(<rooms.Provider key="2" children={<State />} />);
    await afterTimers();

    expect(rooms.joined).toHaveLength(2);
    expect(page.text).toBe("connecting");
  });

  it("a lost connection is waiting until the client has reconnected", async () => {
    const [page, rooms] = [new Page(), new Rooms()];
    await page.render(<rooms.Provider children={<State />} />);
    await rooms.welcome();

    await change(() => rooms.transport.end(1006, "gone"));
    expect(page.text).toBe("waiting 1006 gone");
    await rooms.client.nextDial();
    await rooms.welcome({ recovered: true });

    expect(page.text).toBe("open websocket");
  });
});

describe("hooks", () => {
  it.each(Object.entries(HOOKS))(
    "%s outside of a provider throws an error that says so",
    async (name, useHook) => {
      const page = new Page();
      const Component = (): null => {
        useHook();
        return null;
      };
      vi.spyOn(console, "error").mockImplementation(() => undefined); // React also logs the error

      await expect(page.render(<Component />)).rejects.toThrow(
        `${name} is used outside of a RoomProvider; wrap the component in <RoomProvider url="…">`,
      );
    },
  );

  it("useRoom is the room in every effect and event handler after the first render", async () => {
    const [page, rooms] = [new Page(), new Rooms()];
    const seen: (Room | undefined)[] = [];
    const Component = (): null => {
      seen.push(useRoom());
      return null;
    };

    await page.render(<rooms.Provider children={<Component />} />);

    expect(seen).toEqual([undefined, rooms.client.room]);
  });

  it("usePublish publishes from the first effect of a component, with the same function in every render", async () => {
    const [page, rooms] = [new Page(), new Rooms()];
    const functions = new Set<Publish>();
    const Component = (): null => {
      const publish = usePublish();
      functions.add(publish);
      useEffect(() => void publish("chat", "hi"), [publish]);
      return null;
    };

    await page.render(<rooms.Provider children={<Component />} />);
    await rooms.welcome();

    expect(rooms.transport.items).toMatchObject([{ type: "publish", event: "chat", data: "hi" }]);
    expect(functions.size).toBe(1);
  });

  it("an act during a render is rejected with closed, and needs no handler", async () => {
    const [page, rooms] = [new Page(), new Rooms()];
    const results: Promise<unknown>[] = [];
    const Component = (): null => {
      results.push(usePublish()("chat", "too soon"));
      return null;
    };

    await page.render(<rooms.Provider children={<Component />} />);

    await expect(results[0]).rejects.toThrow(ParlorError);
    await expect(results[0]).rejects.toMatchObject({ code: "closed" });
  });

  it("useEvent calls the newest function, for its event only, recorded or volatile", async () => {
    const [page, rooms] = [new Page(), new Rooms()];
    const received: string[] = [];
    const Component = ({ name }: { readonly name: string }): null => {
      useEvent("chat", ({ data }) => received.push(`${name} ${JSON.stringify(data)}`));
      return null;
    };
    await page.render(<rooms.Provider children={<Component name="first" />} />);
    await rooms.welcome();
    const message = { type: "message", time: 1, from: "ana", event: "chat" } as const;

    await change(() => rooms.transport.deliver({ ...message, offset: 1, data: 1 }));
    await page.render(<rooms.Provider children={<Component name="second" />} />);
    await change(() =>
      rooms.transport.deliver({ ...message, data: 2 }, { ...message, event: "move", data: 3 }),
    );
    await page.render(<rooms.Provider />);
    await change(() => rooms.transport.deliver({ ...message, offset: 4, data: 4 }));

    expect(received).toEqual(["first 1", "second 2"]);
  });
});
