import { expect, it, vi } from "vitest";
import { RoomProvider, useMemberCount } from "../../src/react/index.ts";
import { createFakeServer } from "../../src/testing/index.ts";
import { afterTimers, Page } from "./support/render.tsx";

it("a provider with the options of a fake server joins a room of that server, and leaves it when it is unmounted", async () => {
  const [page, server] = [new Page(), createFakeServer()];
  const Count = () => <p>{useMemberCount()}</p>;

  await page.render(
    <RoomProvider url="https://parlor.test/rooms/lobby" options={server.joinOptions()}>
      <Count />
    </RoomProvider>,
  );
  await vi.waitFor(async () => {
    await afterTimers();
    expect(page.text).toBe("1");
  });
  expect(server.room("lobby").members).toHaveLength(1);
  await page.unmount();

  await vi.waitFor(() => expect(server.room("lobby").members).toEqual([]));
});
