import { listDurableObjectIds } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { ORIGIN, request, uniqueAddress, uniqueRoom } from "../support/rooms.ts";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { bearer, token } from "../support/tokens.ts";
import { WebSocketMember, join } from "../support/websocket.ts";

/** The number of objects that have ever run. */
async function objects(): Promise<number> {
  return (await listDurableObjectIds(env.ROOM)).length;
}

/** Stands for the name of an existing room in a path. */
const V = "{room}";

/**
 * Paths that a lenient parser would resolve to an existing room: one that decodes twice or not at all, joins segments, folds
 * case or width, or ends a name early.
 */
const SPELLINGS = [
  `/${V}`,
  `//${V}`,
  `../${V}`,
  `..%2F${V}`,
  `%2e%2e%2F${V}`,
  `..%252F${V}`,
  `..%5C${V}`,
  `${V}%2F`,
  `%2F${V}`,
  `x%2F${V}`,
  `x%2F..%2F${V}`,
  `x%252F${V}`,
  `${V}%252F`,
  `${V}%25`,
  `${V}%2500`,
  `${V}%00`,
  `%00${V}`,
  `${V}%0D%0AParlor-Join:%20x`,
  `${V}%0A`,
  `${V}%09`,
  `${V}%20`,
  `%20${V}`,
  `${V}+`,
  `${V};x=1`,
  `${V};`,
  `${V}%3B`,
  `${V}%3Fview=1`,
  `${V}%23x`,
  `${V}%5C`,
  `${V}\\x`,
  `${V}%C0%AF`,
  `${V}%C0%80`,
  `${V}%E0%80%AF`,
  `${V}%F0%80%80%AF`,
  `${V}%ED%A0%80`,
  `${V}%FF`,
  `${V}%`,
  `${V}%4`,
  `${V}%u0041`,
  `${V}%E2%80%8B`,
  `${V}%EF%BB%BF`,
  `${V}\u202E`,
  `${V}\u0000x`,
  `${V}%EF%BC%8F`,
  `${V}%CC%81`,
  `${V},x`,
  `${V}@x`,
  `${V}&x`,
  `${V}=x`,
  `[${V}]`,
  `"${V}"`,
  `'${V}'`,
  `$${V}`,
  `*`,
  `%2A`,
  `${V}|x`,
  `${"a".repeat(129)}`,
  `${"a".repeat(10_000)}`,
  `${"%61".repeat(129)}`,
];

describe("other spellings of a room name", () => {
  it.each(SPELLINGS)("[N1 G12] the path segment %j reaches no room over any transport", async (spelling) => {
    const room = uniqueRoom();
    const ana = await join(room);
    const before = await objects();
    const path = `/rooms/${spelling.replace(V, room)}`;
    const act = { method: "POST", headers: { "Parlor-Session": `${ana.session}.${ana.key}` } };

    const upgraded = await request(path, { headers: { Upgrade: "websocket" } });
    const answers = [
      await request(path),
      await request(`${path}/events`),
      await request(`${path}/history`),
      await request(`${path}/members`),
      await request(`${path}/state`),
      await request(`${path}/messages`, { ...act, body: '{"type":"leave"}' }),
    ];

    const refusal =
      upgraded.webSocket === null
        ? await upgraded.json<{ code: string }>()
        : await new WebSocketMember(upgraded, upgraded.webSocket).inbox.take("error");
    expect(["bad_room", "not_found"]).toContain(refusal.code);
    for (const answer of answers) {
      expect([400, 404, 405]).toContain(answer.status);
      expect(["bad_room", "not_found", "method_not_allowed"]).toContain(
        (await answer.json<{ code: string }>()).code,
      );
    }
    expect(await objects()).toBe(before);
    expect(await ana.publish("still", 1)).toMatchObject({ offset: 1 });
  });

  it.each([
    ["in another case", (room: string) => room.toUpperCase()],
    ["with a dot at the end", (room: string) => `${room}.`],
    ["with a tilde", (room: string) => `~${room}`],
    ["with its kind", (room: string) => `default:${room}`],
    ["with its kind encoded", (room: string) => `default%3A${room}`],
  ])("[N1 N2 J4] a room name that is spelled differently is another room: %s", async (_how, spell) => {
    const room = uniqueRoom();
    const ana = await join(room);

    const other = await request(`/rooms/${spell(room)}`);
    const acted = await request(`/rooms/${spell(room)}/messages`, {
      method: "POST",
      headers: { "Parlor-Session": `${ana.session}.${ana.key}` },
      body: '{"type":"leave"}',
    });

    expect(await other.json()).toMatchObject({ members: 0, position: null });
    expect(await acted.json()).toMatchObject({ code: "bad_session" });
    expect(await ana.publish("still", 1)).toMatchObject({ offset: 1 });
  });
});

describe("other spellings of a kind that requires a token", () => {
  const to = serveKinds;

  it.each(["closed:", "closed:a", "closed%3Aa", "%63losed:a", "closed:default:a", "closed::", "closed:%3A"])(
    "[N2 D1 G12] a room that requires a token still requires it when it is spelled %s",
    async (segment) => {
      const answer = await request(`/rooms/${segment}`, {}, to);

      expect(answer.status).toBe(401);
      expect(await answer.json()).toMatchObject({ code: "token_missing" });
    },
  );

  it.each([
    ["Closed:a", "unknown_kind"],
    ["CLOSED:a", "unknown_kind"],
    ["closed%20:a", "bad_room"],
    ["closed%00:a", "bad_room"],
    ["closed%253Aa", "bad_room"],
    ["%EF%BD%83losed:a", "bad_room"],
    [":closed:a", "unknown_kind"],
  ])(
    "[N2 D1 G12] a room that requires a token is not reached by the spelling %s, which is %s",
    async (segment, code) => {
      expect(await (await request(`/rooms/${segment}`, {}, to)).json()).toMatchObject({ code });
    },
  );

  it("[D6 N1 G12] a token whose room pattern is a different spelling of the name is rejected", async () => {
    const room = uniqueRoom("closed");
    const url = `${ORIGIN}/rooms/${room}`;
    for (const pattern of [
      encodeURIComponent(room),
      `${room}/`,
      ` ${room}`,
      room.toUpperCase(),
      "closed:*x",
      "*:*",
      "**",
      "closed:?*",
    ]) {
      const headers = {
        ...bearer(await token({ rooms: { [pattern]: ["join"] } })),
        "CF-Connecting-IP": uniqueAddress(),
      };
      const answer = await to(new Request(url, { headers }));

      expect([pattern, answer.status]).toEqual([pattern, 403]);
    }
    expect(await kindsRoom(room).inside(({ storage }) => storage.getAlarm())).toBeNull();
  });
});
