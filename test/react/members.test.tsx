import type { ReactElement } from "react";
import { describe, expect, it } from "vitest";
import { shallow, useMember, useMemberCount, useMembers, useRoom } from "../../src/react/index.ts";
import { Page } from "./support/render.tsx";
import { crowd, Rooms } from "./support/rooms.tsx";

describe("members", () => {
  it("in a room where 50 members move, a component for each renders once for each move of its own member", async () => {
    const [page, rooms] = [new Page(), new Rooms()];
    const members = crowd(50);
    const renders = { list: 0, cursors: 0 };
    const Cursor = ({ id }: { readonly id: string }): ReactElement => {
      renders.cursors++;
      return <i>{JSON.stringify(useMember(id)?.data)}</i>;
    };
    const Cursors = (): ReactElement[] => {
      renders.list++;
      return useMembers((all) => [...all.keys()], shallow).map((id) => <Cursor key={id} id={id} />);
    };
    await page.render(<rooms.Provider children={<Cursors />} />);
    await rooms.welcome({ members, count: 50 });
    const before = { ...renders };
    expect(before.cursors).toBe(50);

    for (const [index, { id }] of members.entries()) await rooms.update({ id, data: index + 1 });

    expect(page.text).toBe(members.map((_, index) => index + 1).join(""));
    expect(renders).toEqual({ list: before.list, cursors: before.cursors + 50 });
  });

  it("useMembers without a selector has all members, and an unchanged member is the same object", async () => {
    const [page, rooms] = [new Page(), new Rooms()];
    const seen: ReadonlyMap<string, unknown>[] = [];
    const Component = (): null => {
      seen.push(useMembers());
      return null;
    };
    await page.render(<rooms.Provider children={<Component />} />);
    await rooms.welcome({ members: crowd(2), count: 2 });

    await rooms.update({ id: "m1", data: 1 });

    const [before, after] = seen.slice(-2);
    expect(before?.get("m1")).toEqual({ id: "m1", data: 0 });
    expect(after?.get("m1")).toEqual({ id: "m1", data: 1 });
    expect(after?.get("m0")).toBe(before?.get("m0"));
  });

  it("a selector that is a new function in each render uses the newest props", async () => {
    const [page, rooms] = [new Page(), new Rooms()];
    const Component = ({ by }: { readonly by: number }): ReactElement => (
      <p>{useMembers((members) => [...members.values()].map(({ data }) => Number(data) * by).join())}</p>
    );
    await page.render(<rooms.Provider children={<Component by={1} />} />);
    await rooms.welcome({ members: [{ id: "m0", data: 2 }] });
    expect(page.text).toBe("2");

    await page.render(<rooms.Provider children={<Component by={10} />} />);
    expect(page.text).toBe("20");
    await rooms.update({ id: "m0", data: 3 });

    expect(page.text).toBe("30");
  });

  it("a selector that makes a new array each time renders without end only if the members change without end", async () => {
    const [page, rooms] = [new Page(), new Rooms()];
    let renders = 0;
    const Component = (): ReactElement => {
      renders++;
      return <p>{useMembers((members) => [...members.keys()]).join()}</p>;
    };

    await page.render(<rooms.Provider children={<Component />} />);
    await rooms.welcome({ members: crowd(2), count: 2 });

    expect(page.text).toBe("m0,m1");
    expect(renders).toBeLessThanOrEqual(3); // the first render, the open room, the welcome
  });

  it("useMember is undefined without an id and for a member that has left", async () => {
    const [page, rooms] = [new Page(), new Rooms()];
    const Component = ({ id }: { readonly id?: string }): ReactElement => <p>{String(useMember(id)?.id)}</p>;
    await page.render(<rooms.Provider children={<Component />} />);
    await rooms.welcome({ members: [{ id: "me" }] });
    expect(page.text).toBe("undefined");

    await page.render(<rooms.Provider children={<Component id="me" />} />);
    expect(page.text).toBe("me");
    await rooms.welcome({ members: [], count: 0 });

    expect(page.text).toBe("undefined");
  });

  it("useMemberCount has the number of members in a room that does not send the list", async () => {
    const [page, rooms] = [new Page(), new Rooms()];
    const Component = (): ReactElement => (
      <p>
        {useMemberCount()} {useRoom()?.mode}
      </p>
    );
    await page.render(<rooms.Provider children={<Component />} />);
    expect(page.text).toBe("0 list");

    await rooms.welcome({ mode: "count", members: undefined, count: 5_000 } as never);

    expect(page.text).toBe("5000 count");
  });
});

describe("shallow", () => {
  it.each([
    [1, 1, true],
    [1, 2, false],
    [[1, 2], [1, 2], true],
    [[1, 2], [1], false],
    [{ a: 1 }, { a: 1 }, true],
    [{ a: 1 }, { b: 1 }, false],
    [{ a: undefined }, { b: 1 }, false],
    [{ a: [] }, { a: [] }, false],
    [new Map([["a", 1]]), new Map([["a", 1]]), true],
    [new Map([["a", 1]]), new Map([["a", 2]]), false],
    [[1], { 0: 1 }, false],
    [null, {}, false],
  ])("shallow of %j and %j is %j", (one, other, expected) => {
    expect(shallow(one, other)).toBe(expected);
  });
});
