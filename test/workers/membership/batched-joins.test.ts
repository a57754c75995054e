import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { serveKinds as to } from "../support/kinds.ts";
import { follow, presenceOf } from "../support/rosters.ts";
import { request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { setHooks } from "../support/test-hooks.ts";
import { TEST_KINDS } from "../support/test-kinds.ts";
import { join, joinWebSocket, rejoin, upgrade, type WebSocketMember } from "../support/websocket.ts";

/** More clients than a room admits one by one. */
const CROWD = 60;

// The clock stands still, so all further joins after this many share a turn.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

/** A room in which every further join is queued, and one of its members. */
async function crowdedDoor(kind: string): Promise<{ room: string; ana: WebSocketMember }> {
  const room = uniqueRoom(kind);
  let ana = await join(room, { to });
  for (let n = 0; n < 20; n++) ana = await rejoin(room, ana, { to });
  return { room, ana };
}

function joinAtOnce(room: string, count: number): Promise<WebSocketMember[]> {
  return Promise.all(Array.from({ length: count }, () => joinWebSocket(room, { to })));
}

describe("clients that join in one turn", () => {
  it("[M1 G9] clients that join in one turn are all welcomed, and announced once, many in a frame", async () => {
    const { room, ana } = await crowdedDoor("roomy");

    const crowd = await joinAtOnce(room, CROWD);
    const welcomes = await Promise.all(crowd.map((member) => member.welcome()));
    await ana.inbox.until(({ all }) => follow(all).list?.size === CROWD + 1);

    const joined = presenceOf(ana).flatMap((frame) => frame.joined?.map(({ id }) => id) ?? []);
    expect(joined.toSorted()).toEqual(crowd.map(({ member }) => member).toSorted());
    expect(presenceOf(ana).length).toBeLessThan(CROWD / 2);
    expect(welcomes.map(({ count }) => count).toSorted((a, b) => a - b)).toEqual(
      crowd.map((_member, index) => index + 2),
    );
  });

  it("[M1 G9] clients that join in one turn know of one another in the end", async () => {
    const { room } = await crowdedDoor("roomy");

    const crowd = await joinAtOnce(room, CROWD);
    vi.setSystemTime(Date.now() + 1_000);

    for (const { inbox } of crowd) {
      await inbox.until(({ all }) => follow(all).list?.size === CROWD + 1);
      expect(follow(inbox.all).count).toBe(CROWD + 1);
    }
  });

  it("[J9] clients that join in one turn do not exceed maxMembers", async () => {
    const { room } = await crowdedDoor("small");
    const { maxMembers } = TEST_KINDS.small;

    const crowd = await joinAtOnce(room, maxMembers + 4);
    const first = await Promise.all(crowd.map(({ inbox }) => inbox.take(["welcome", "error"])));

    expect(first.filter(({ type }) => type === "welcome")).toHaveLength(maxMembers - 1);
    expect(first.filter(({ type }) => type === "error")).toMatchObject(
      Array.from({ length: 5 }, () => ({ code: "room_full" })),
    );
  });

  it("[J5 G9] clients that join in one turn with the same key have one connection", async () => {
    const { room, ana } = await crowdedDoor("roomy");

    const twins = await Promise.all(Array.from({ length: 5 }, () => rejoin(room, ana, { to })));
    await (await join(room, { to })).publish("chat", "count");
    const reached = await Promise.allSettled(twins.map(({ inbox }) => inbox.take("message")));

    expect(reached.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await (await request(roomPath(room), {}, to)).json()).toMatchObject({ members: 2 });
  });

  it("[K1] each client that joins in one turn sees the effects of the hooks for the clients before it", async () => {
    setHooks({
      onJoin: (room, _member, { isReturn }) => {
        if (!isReturn) room.set({ visits: Number(room.get("visits")?.value ?? 0) + 1 });
      },
    });
    const { room } = await crowdedDoor("ruled");

    const crowd = await joinAtOnce(room, 8);
    const states = await Promise.all(crowd.map(async (member) => (await member.welcome()).state));

    expect(states.map((state) => Number(state?.["visits"]?.[0])).toSorted((a, b) => a - b)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ]);
  });

  it("[J2] clients that join in one turn each get a response with the subprotocol they offered", async () => {
    const { room } = await crowdedDoor("roomy");

    const [plain, offered] = await Promise.all([
      upgrade(room, { to }),
      upgrade(room, { to, protocols: ["parlor.v1"] }),
    ]);

    expect(plain.headers.has("Sec-WebSocket-Protocol")).toBe(false);
    expect(offered.headers.get("Sec-WebSocket-Protocol")).toBe("parlor.v1");
  });
});

it("[J1 M1] a client that joins alone is admitted and announced in its own turn", async () => {
  const room = uniqueRoom("roomy");
  const ana = await join(room, { to });

  for (let n = 0; n < 10; n++) await join(room, { to });
  await ana.publish("mark", 1);

  expect(presenceOf(ana).map(({ joined }) => joined?.length)).toEqual(Array.from({ length: 10 }, () => 1));
});
