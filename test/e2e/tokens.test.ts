import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  joinRoom,
  type ConnectionStatus,
  type JoinOptions,
  type Room,
  type TransportName,
} from "../../src/client/index.ts";
import { roomUrl } from "../support/member.ts";
import { uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { startServer } from "../support/server.ts";
import { forge, nowS, usualClaims } from "../support/signing.ts";

const SECRET = "a-secret-for-tests-of-32-characters";

/** How long a token is valid, in seconds. It may be a little less, because tokens count whole seconds. */
const LIFE_S = 3;

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({
    vars: { ADDRESS_LIMITS: "off", TOKEN_SECRETS: SECRET, TOKEN_CLOCK_TOLERANCE_S: "0" },
  });
});

afterAll(() => server?.[Symbol.asyncDispose]());

function mint(claims: object = {}, secret = SECRET): Promise<string> {
  return forge('{"alg":"HS256"}', JSON.stringify(usualClaims({ ...claims })), secret);
}

/** A client, and the events of its connection: states, welcomes, and error codes. */
interface Visit {
  readonly room: Room;
  readonly states: string[];
  readonly codes: (string | undefined)[];
  readonly users: (string | undefined)[];
  drawn: number;
}

/** Joins a room over one transport, with a new token for each request of the client. */
function visit(transport: TransportName, draw: (nth: number) => Promise<string>, room = uniqueRoom()): Visit {
  const made: Omit<Visit, "room"> = { states: [], codes: [], users: [], drawn: 0 };
  const options: JoinOptions = {
    transports: [transport],
    getToken: () => draw(++made.drawn),
    minReconnectDelayMs: 50,
    maxReconnectDelayMs: 200,
  };
  const joined = joinRoom(roomUrl(server.url, room), options);
  joined.on("connection", ({ state }) => void made.states.push(state));
  joined.on("welcome", ({ user }) => void made.users.push(user));
  joined.on("closed", ({ error }) => void made.codes.push(error?.code));
  return Object.assign(made, { room: joined });
}

const PATIENCE = { timeout: 60_000 };

describe.each<TransportName>(["websocket", "sse"])("the client with tokens over %s", (transport) => {
  it("[D7 D8 G6] the client renews short-lived tokens in band, keeps its connection, and its acts are accepted", async () => {
    const made = visit(transport, () => mint({ exp: nowS() + LIFE_S }));
    await expect.poll(() => made.states, PATIENCE).toContain("open");
    const since = Date.now();

    for (let renewals = 2; renewals <= 5; renewals++) {
      await expect.poll(() => made.drawn, PATIENCE).toBe(renewals);
      expect(await made.room.publish("e", renewals)).toMatchObject({ offset: renewals - 1 });
    }

    expect(Date.now() - since).toBeGreaterThan(LIFE_S * 1_000);
    expect(made.states).toEqual(["open"]);
    expect(made.users).toEqual(["ana"]);
    made.room.close();
  });

  it("[D7 C1 G3 G5] the client reconnects when it could not renew its token in time, and no act is lost", async () => {
    let expiresAt = Infinity;
    const made = visit(transport, async (nth) => {
      if (nth === 2) throw new Error("the backend is away");
      const exp = nowS() + (nth === 1 ? LIFE_S : 600);
      if (nth === 1) expiresAt = exp * 1_000;
      return mint({ exp });
    });
    await expect.poll(() => made.states, PATIENCE).toContain("open");
    const { self } = made.room;
    await expect.poll(() => made.drawn, PATIENCE).toBe(2);
    await expect.poll(() => Date.now(), PATIENCE).toBeGreaterThan(expiresAt);

    expect(await made.room.publish("e", 1)).toMatchObject({ offset: 1 });

    expect(made.states).toEqual(["open", "waiting", "connecting", "open"]);
    expect(made.room.self).toBe(self);
    expect(made.drawn).toBe(3);
    made.room.close();
  });

  it("[D8 G6] the client keeps its token while it is valid if the new token has expired", async () => {
    const drawnAt: number[] = [];
    let expiresAt = Infinity;
    const made = visit(transport, (nth) => {
      drawnAt.push(Date.now());
      const exp = nowS() + ([LIFE_S, -60][nth - 1] ?? 600);
      if (nth === 1) expiresAt = exp * 1_000;
      return mint({ exp });
    });

    await expect.poll(() => made.states, PATIENCE).toEqual(["open", "waiting", "connecting", "open"]);

    expect(drawnAt).toHaveLength(3);
    expect(drawnAt[1]).toBeLessThan(expiresAt);
    expect(drawnAt[2]).toBeGreaterThanOrEqual(expiresAt);
    made.room.close();
  });

  it.each<[string, () => Promise<string>, string]>([
    ["not a token", async () => "nonsense", "token_invalid"],
    ["for another room", () => mint({ rooms: { other: ["join"] } }), "forbidden"],
    ["without the join capability", () => mint({ rooms: { "*": ["publish"] } }), "forbidden"],
  ])(
    "[D5 S6 G12] the client is closed without a retry, and reports the error, if its token is %s",
    async (_what, draw, code) => {
      const made = visit(transport, draw);

      await expect.poll(() => made.codes, PATIENCE).toEqual([code]);

      expect(made.states).toEqual(["closed"]);
      expect(made.drawn).toBe(1);
      await expect(made.room.publish("e", 1)).rejects.toMatchObject({ name: "ParlorError" });
    },
  );

  it.each<[string, (nth: number) => Promise<string>]>([
    ["is not valid yet", (nth) => mint(nth === 1 ? { nbf: nowS() + 7 } : {})],
    ["had expired when it arrived", (nth) => mint({ exp: nowS() + (nth === 1 ? -60 : 600) })],
  ])("[D5 D7 E2] the client joins with another token after a token that %s", async (_what, draw) => {
    const made = visit(transport, draw);

    await expect.poll(() => made.room.connection.state, PATIENCE).toBe("open");

    expect(made.drawn).toBe(2);
    made.room.close();
  });

  it("[D5 E2] the client retries, and reports the error, if the server does not know the key of its token", async () => {
    const made = visit(transport, () => mint({}, "x".repeat(32)));
    const startedAt = Date.now();
    const told = Promise.withResolvers<ConnectionStatus>();
    made.room.on("connection", told.resolve);

    expect(await told.promise).toMatchObject({
      state: "waiting",
      error: { code: "token_invalid" },
      advice: "sign_in",
    });
    expect((await told.promise).nextTryAt).toBeGreaterThanOrEqual(startedAt + 30_000);
    made.room.close();
  });
});
