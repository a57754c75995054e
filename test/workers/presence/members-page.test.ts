import { describe, expect, it } from "vitest";
import { randomKey } from "../../../src/protocol/ids.ts";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { lost } from "../support/grace.ts";
import { rosterOf } from "../support/rosters.ts";
import { crash, evict, request, roomPath, tablesOf, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { joinAs } from "../support/verified-user.ts";
import { join } from "../support/websocket.ts";

interface Page {
  readonly members: { readonly id: string; readonly data?: unknown }[];
  readonly more: boolean;
  readonly count: number;
  readonly roster: string;
}

async function pageOf(
  room: string,
  query = "",
  to = undefined as typeof serveKinds | undefined,
): Promise<Page> {
  const response = await request(roomPath(room, `/members${query}`), {}, to);
  expect(response.status).toBe(200);
  return response.json<Page>();
}

/** A room with seven members, and their ids in order. */
async function seven(): Promise<{ room: string; ids: string[] }> {
  const room = uniqueRoom();
  const members = await Promise.all(Array.from({ length: 7 }, () => join(room)));
  return { room, ids: members.map(({ member }) => member).toSorted() };
}

describe("a page of members", () => {
  it("[H6] a page of members is ordered by id, and has user and data, the count and the roster", async () => {
    const room = uniqueRoom();
    const [ana, bob, cem] = [
      await join(room, { presence: { a: 1 } }),
      await joinSse(room),
      await joinAs(room, "c"),
    ];

    const response = await request(roomPath(room, "/members"));

    expect(response.headers.get("Content-Type")).toContain("application/json");
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(await response.json()).toEqual({
      members: [
        { id: ana.member, data: { a: 1 } },
        { id: bob.member },
        { id: cem.member, user: "c" },
      ].toSorted((one, other) => (one.id < other.id ? -1 : 1)),
      more: false,
      count: 3,
      roster: rosterOf(cem),
    });
  });

  it("[H6] pages continue after an id until the end, and skip no member", async () => {
    const { room, ids } = await seven();

    const first = await pageOf(room, "?limit=3");
    const second = await pageOf(room, `?limit=3&after=${first.members.at(-1)?.id}`);
    const last = await pageOf(room, `?limit=3&after=${second.members.at(-1)?.id}`);

    expect([first, second, last].flatMap(({ members }) => members.map(({ id }) => id))).toEqual(ids);
    expect([first, second, last].map(({ members, more }) => [members.length, more])).toEqual([
      [3, true],
      [3, true],
      [1, false],
    ]);
    expect([first, second, last].map(({ count }) => count)).toEqual([7, 7, 7]);
    expect(new Set([first, second, last].map(({ roster }) => roster)).size).toBe(1);
  });

  it("[H6] a page with exactly the remaining members has more set to false", async () => {
    const { room, ids } = await seven();

    expect(await pageOf(room, "?limit=7")).toMatchObject({ more: false });
    expect(await pageOf(room, "?limit=6")).toMatchObject({ more: true });
    expect(await pageOf(room, `?limit=1000&after=${ids.at(-1)}`)).toMatchObject({ members: [], more: false });
  });

  it("[H6] a page continues after the id of a member that has left, or never existed", async () => {
    const { room, ids } = await seven();
    const after = randomKey();

    const { members } = await pageOf(room, `?after=${after}`);

    expect(members.map(({ id }) => id)).toEqual(ids.filter((id) => id > after));
  });

  it("[H6 M6] a page lists the members of a large room too", async () => {
    const room = uniqueRoom("small");
    for (let n = 0; n < 7; n++) await join(room, { to: serveKinds });
    await kindsRoom(room).evict();

    const page = await pageOf(room, "?limit=5", serveKinds);

    expect(page).toMatchObject({ count: 7, more: true });
    expect(page.members).toHaveLength(5);
  });

  it("[H6 M4 G6] a page lists members in grace, also after a sleep and a crash", async () => {
    const room = uniqueRoom("chat");
    const [ana, bob] = [await join(room, { presence: "ana" }), await joinSse(room)];
    bob.vanish();
    await lost(room, bob);
    const pages = [await pageOf(room)];
    await evict(room);
    pages.push(await pageOf(room));
    await crash();
    pages.push(await pageOf(room));

    for (const { members, count } of pages) {
      expect(count).toBe(2);
      expect(new Map(members.map(({ id, data }) => [id, data]))).toEqual(
        new Map([
          [ana.member, "ana"],
          [bob.member, undefined],
        ]),
      );
    }
    expect(new Set(pages.map(({ roster }) => roster)).size).toBe(1);
  });

  it("[H6] a page has 200 members by default", async () => {
    const room = uniqueRoom();
    await Promise.all(Array.from({ length: 201 }, () => join(room, { query: { mode: "count" } })));

    expect(await pageOf(room)).toMatchObject({ count: 201, more: true });
    expect((await pageOf(room)).members).toHaveLength(200);
    expect((await pageOf(room, "?limit=1000")).members).toHaveLength(201);
  });

  it("[H6 N3] the members of a room that nobody has joined are empty, and reading them creates nothing", async () => {
    const room = uniqueRoom();

    expect(await pageOf(room)).toEqual({
      members: [],
      more: false,
      count: 0,
      roster: expect.any(String) as string,
    });
    expect(await tablesOf(room)).toEqual([]);
  });
});

it.each([
  "?limit=0",
  "?limit=1001",
  "?limit=-1",
  "?limit=1.5",
  "?limit=all",
  "?limit=100000",
  "?after=short",
  `?after=${"x".repeat(23)}`,
  `?after=${"é".repeat(22)}`,
])("[H6 E1] members%s is bad_request", async (query) => {
  const response = await request(roomPath(uniqueRoom(), `/members${query}`));

  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ type: "error", code: "bad_request" });
});

it.each([
  ["bad_room", 400, "a%20b"],
  ["unknown_kind", 404, "nope:x"],
])("[H6 N1 N2] the members of a room with an invalid name are %s", async (code, status, room) => {
  const response = await request(`/rooms/${room}/members`);

  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({ code });
});
