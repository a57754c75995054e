import type { ReactElement } from "react";
import { renderToString } from "react-dom/server";
import { expect, it } from "vitest";
import { useConnection, useMembers } from "../../src/react/index.ts";
import { Page } from "./support/render.tsx";
import { crowd, Rooms } from "./support/rooms.tsx";

it("a page that a server has rendered is hydrated without a mismatch, and then joins", async () => {
  const [page, rooms] = [new Page(), new Rooms()];
  const Component = (): ReactElement => (
    <p>
      {useConnection().state} {useMembers((members) => members.size)}
    </p>
  );
  const tree = <rooms.Provider children={<Component />} />;
  const html = renderToString(tree);
  expect(html).toContain("idle");
  expect(rooms.joined).toEqual([]);
  const errors: unknown[] = [];

  await page.hydrate(html, tree, (error) => errors.push(error));
  await rooms.welcome({ members: crowd(2), count: 2 });

  expect(page.text).toBe("open 2");
  expect(errors).toEqual([]);
});
