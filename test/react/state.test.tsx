import type { ReactElement } from "react";
import { describe, expect, it } from "vitest";
import {
  shallow,
  useMyPresence,
  useSharedState,
  type SetMyPresence,
  type SetSharedValue,
} from "../../src/react/index.ts";
import { stateFrame } from "../client/support/fake-transport.ts";
import { change, Page } from "./support/render.tsx";
import { Rooms } from "./support/rooms.tsx";

describe("useSharedState", () => {
  it("useSharedState with a key has the value, and sets, updates and deletes it", async () => {
    const [page, rooms] = [new Page(), new Rooms()];
    let set: SetSharedValue = () => Promise.reject(new Error("not rendered"));
    const Component = (): ReactElement => {
      const [votes, setVotes] = useSharedState("votes");
      set = setVotes;
      return <p>{JSON.stringify(votes) ?? "none"}</p>;
    };
    await page.render(<rooms.Provider children={<Component />} />);
    expect(page.text).toBe("none");
    await rooms.welcome({ state: { votes: [1, 0] }, stateOffset: 0 });
    expect(page.text).toBe("1");

    await change(() => void set(7));
    expect(page.text).toBe("1");
    await change(() => rooms.transport.deliver(stateFrame(1, { set: { votes: 7 } }, "me")));
    expect(page.text).toBe("7");
    await change(() => rooms.transport.ack(rooms.transport.refs));
    await change(() => void set((votes: unknown) => Number(votes) + 1));
    await change(() => rooms.transport.deliver(stateFrame(2, { set: { votes: 8 } }, "me")));
    await change(() => rooms.transport.ack(rooms.transport.refs.slice(-1), 2));
    await change(() => void set(undefined));

    expect(rooms.transport.items).toMatchObject([
      { type: "set", set: { votes: 7 } },
      { type: "set", set: { votes: 8 }, if: { votes: 1 } },
      { type: "set", set: {}, delete: ["votes"] },
    ]);
  });

  it("a component that selects shared state renders only when its selection changes", async () => {
    const [page, rooms] = [new Page(), new Rooms()];
    let renders = 0;
    const Component = (): ReactElement => {
      renders++;
      const hands = useSharedState(
        (shared) => [...shared.keys()].filter((key) => key.startsWith("hand:")),
        shallow,
      );
      return <p>{hands.join()}</p>;
    };
    await page.render(<rooms.Provider children={<Component />} />);
    await rooms.welcome({ state: { "hand:ana": [true, 0], topic: ["tea", 0] }, stateOffset: 0 });
    const before = renders;

    await change(() => rooms.transport.deliver(stateFrame(1, { set: { topic: "coffee" } })));
    expect([page.text, renders]).toEqual(["hand:ana", before]);
    await change(() => rooms.transport.deliver(stateFrame(2, { set: { "hand:ben": true } })));

    expect([page.text, renders]).toEqual(["hand:ana,hand:ben", before + 1]);
  });
});

describe("useMyPresence", () => {
  it("useMyPresence begins with the option presence, changes at once for all components, and is sent", async () => {
    const [page, rooms] = [new Page(), new Rooms()];
    interface Me {
      readonly name: string;
      readonly typing?: boolean;
    }
    let set: SetMyPresence<Me> = () => Promise.resolve();
    const Component = (): ReactElement => {
      const [me, setMe] = useMyPresence<Me>();
      set = setMe;
      return <p>{JSON.stringify(me)}</p>;
    };
    await page.render(
      <rooms.Provider options={{ presence: { name: "Ana" } }}>
        <Component />
        <Component />
      </rooms.Provider>,
    );
    await rooms.welcome();
    expect(page.text).toBe('{"name":"Ana"}'.repeat(2));

    await change(() => void set((me) => ({ name: "", ...me, typing: true })));

    expect(page.text).toBe('{"name":"Ana","typing":true}'.repeat(2));
    expect(rooms.transport.items).toMatchObject([{ type: "presence", data: { name: "Ana", typing: true } }]);
  });
});
