import { StrictMode, type ReactElement, type ReactNode } from "react";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { joinRoom, type JoinOptions, type Room } from "../../src/client/index.ts";
import {
  RoomProvider,
  useConnection,
  useEvent,
  useMembers,
  useMyPresence,
  usePublish,
  useRoom,
  useSharedState,
  type Publish,
  type SetMyPresence,
  type SetSharedValue,
} from "../../src/react/index.ts";
import { Page } from "../react/support/render.tsx";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { roomUrl } from "../support/member.ts";
import { uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { joinWebSocket } from "../support/websocket-member.ts";

let server: ServerProcess;

beforeAll(async () => {
  server = await startBareRuntime();
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

/** The document's own WebSocket is not a browser's, so the client uses another. */
function join(url: string | URL, options?: JoinOptions): Room {
  return joinRoom(url, {
    ...options,
    transports: ["websocket"],
    WebSocket,
    minReconnectDelayMs: 100,
    maxReconnectDelayMs: 500,
  });
}

/** What a component offers to a test. */
interface Acts {
  publish: Publish;
  setMe: SetMyPresence<string>;
  setVotes: SetSharedValue;
}

function Everything({
  acts,
  received,
}: {
  readonly acts: Partial<Acts>;
  readonly received: unknown[];
}): ReactElement {
  const self = useRoom()?.self;
  const others = useMembers((members) =>
    [...members.values()].flatMap(({ id, data }) => (id === self ? [] : JSON.stringify(data))).join(),
  );
  const [votes, setVotes] = useSharedState("votes");
  const [me, setMe] = useMyPresence<string>();
  useEvent("chat", ({ data }) => received.push(data));
  Object.assign(acts, { publish: usePublish(), setMe, setVotes });
  return <p>{[useConnection().state, me, others, votes].map(String).join(" ")}</p>;
}

async function show(page: Page, room: string, children: ReactNode): Promise<void> {
  await page.render(
    <StrictMode>
      <RoomProvider url={roomUrl(server.url, room)} options={{ presence: "Ana" }} join={join}>
        {children}
      </RoomProvider>
    </StrictMode>,
  );
}

describe("the React hooks in a real room", () => {
  it("[G3 G4 G6 T2] components publish, set presence and shared state, and continue after the server was killed", async () => {
    const [page, room] = [new Page(), uniqueRoom()];
    const ben = await joinWebSocket(server, room, { presence: "Ben" });
    await ben.welcome();
    const acts = {} as Acts;
    const received: unknown[] = [];
    await show(page, room, <Everything acts={acts} received={received} />);
    await expect.poll(() => page.text).toBe('open Ana "Ben" undefined');

    await ben.publish("chat", "hello");
    await acts.publish("chat", "hi");
    await acts.setVotes(1);
    await acts.setVotes((votes: unknown) => Number(votes) + 1);
    await acts.setMe("Ana Lovelace");

    await expect.poll(() => page.text).toBe('open Ana Lovelace "Ben" 2');
    expect(received).toEqual(["hello", "hi"]);
    expect(await ben.inbox.take("presence", ({ updated }) => updated !== undefined)).toMatchObject({
      updated: [{ data: "Ana Lovelace" }],
    });

    await server.kill();
    await expect.poll(() => page.text).toContain("waiting");
    const published = acts.publish("chat", "sent while the server was down");
    await server.restart();

    expect(await published).toMatchObject({ offset: 5 });
    await expect.poll(() => received).toEqual(["hello", "hi", "sent while the server was down"]);
    await expect.poll(() => page.text).toContain("open Ana Lovelace");
    expect(page.text).toContain(" 2");
  });

  it("[M1 M2 G9] two pages of one room are one member, which leaves when the second is unmounted", async () => {
    const [first, second, room] = [new Page(), new Page(), uniqueRoom()];
    const ben = await joinWebSocket(server, room);
    await ben.welcome();
    await show(first, room, <Everything acts={{}} received={[]} />);
    await show(second, room, <Everything acts={{}} received={[]} />);
    await expect.poll(() => first.text + second.text).toMatch(/^open .*open /);
    const { joined } = await ben.inbox.take("presence");
    expect(joined).toMatchObject([{ data: "Ana" }]);

    await first.unmount();
    await ben.publish("chat", "after the first");
    expect(second.text).toContain("open");
    await second.unmount();

    // The next presence is the leave. If the first unmount had left, or had joined a second member, it would be another.
    expect(await ben.inbox.take("presence")).toMatchObject({
      count: 1,
      left: [{ id: joined?.[0]?.id, reason: "left" }],
    });
    ben.vanish();
  });
});
