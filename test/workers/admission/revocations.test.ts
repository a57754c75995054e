import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { randomKey } from "../../../src/protocol/ids.ts";
import { kindsRoom, serveKinds as to } from "../support/kinds.ts";
import { request, uniqueRoom } from "../support/rooms.ts";
import { joinSse, openEvents } from "../support/sse.ts";
import { ADMIN_KEY, bearer, token, type TokenOptions } from "../support/tokens.ts";
import { join, joinWebSocket } from "../support/websocket.ts";

// The clock is frozen. Only the tests move it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/** A token that is issued now. */
function issued(user: string, options: TokenOptions = {}): Promise<string> {
  return token({ user, ...options, claims: { iat: Math.floor(Date.now() / 1000), ...options.claims } });
}

/** Revokes a user or a token, as an administrator. */
async function revoke(what: object, headers: Record<string, string> = bearer(ADMIN_KEY)): Promise<Response> {
  const response = await request(
    "/admin/revocations",
    { method: "POST", headers, body: JSON.stringify(what) },
    to,
  );
  pass(2_000); // A token of the same second is revoked as well, and a later one is valid.
  return response;
}

describe("revocations", () => {
  it("[D11 G12] a revoked user is rejected within ten seconds over any transport, and a later token of the user is valid", async () => {
    const user = `ana-${randomKey()}`;
    const room = uniqueRoom("closed");
    const old = await issued(user);
    await join(uniqueRoom("closed"), { to, headers: bearer(old) });

    await revoke({ user });
    pass(8_000);
    const socket = await joinWebSocket(room, { to, headers: bearer(old) });
    const reader = await openEvents(room, { to, headers: bearer(old) });
    const later = await join(room, { to, headers: bearer(await issued(user)) });

    expect(await socket.inbox.take("error")).toMatchObject({ code: "token_revoked" });
    expect(await socket.closed).toMatchObject({ code: 4503 });
    expect(await reader.inbox.take("error")).toMatchObject({ code: "token_revoked" });
    expect(await later.welcome()).toMatchObject({ user, count: 1 });
  });

  it("[D11 G12] a revocation closes the connections in the rooms that it names immediately, also if the room sleeps", async () => {
    const [ana, bob] = [`ana-${randomKey()}`, `bob-${randomKey()}`];
    const room = uniqueRoom("closed");
    const [one, two, other] = [
      await join(room, { to, headers: bearer(await issued(ana)) }),
      await joinSse(room, { to, headers: bearer(await issued(ana)) }),
      await join(room, { to, headers: bearer(await issued(bob)) }),
    ];
    await kindsRoom(room).evict();

    const answer = await revoke({ user: ana, rooms: [room] });

    expect(await answer.json()).toMatchObject({
      revocation: { kind: "user", id: ana },
      removed: { [room]: 2 },
    });
    expect(await one.closed).toMatchObject({ code: 4503 });
    expect(await two.closed).toMatchObject({ code: 4503 });
    await other.inbox.take("presence", ({ count }) => count === 1);
  });

  it("[D11 G12] in other rooms a revocation closes connections when anyone sends a frame a minute later", async () => {
    const [ana, bob] = [`ana-${randomKey()}`, `bob-${randomKey()}`];
    const room = uniqueRoom("closed");
    const revoked = await join(room, { to, headers: bearer(await issued(ana, { claims: { jti: ana } })) });
    const other = await join(room, { to, headers: bearer(await issued(bob)) });
    await other.publish("e", 1);

    await revoke({ token: ana });
    pass(60_000);
    await other.publish("e", 2);

    expect(await revoked.closed).toMatchObject({ code: 4503 });
    expect(await other.publish("e", 3)).toMatchObject({ type: "ack" });
  });

  it("[D11 D8] a connection cannot be renewed with a revoked token", async () => {
    const user = `ana-${randomKey()}`;
    const ana = await join(uniqueRoom("closed"), { to, headers: bearer(await issued(user)) });
    const next = await issued(user, { claims: { jti: user } });

    await revoke({ token: user });
    pass(8_000);
    ana.send({ type: "auth", ref: 1, token: next });

    expect(await ana.inbox.take("error")).toMatchObject({ ref: 1, code: "token_revoked" });
  });

  it("[D11 G12] a revocation requires an administration key, and either a user or a token", async () => {
    const status = async (what: object, headers = bearer(ADMIN_KEY)): Promise<number> =>
      (await revoke(what, headers)).status;

    expect(await status({ user: "ana" }, bearer(`${ADMIN_KEY}x`))).toBe(401);
    expect(await status({ user: "ana" }, bearer(await token()))).toBe(401);
    expect((await request("/admin/revocations", { method: "POST" }, to)).status).toBe(401);
    expect(await status({})).toBe(400);
    expect(await status({ user: "ana", token: "x" })).toBe(400);
    expect(await status({ user: "ana", rooms: ["a/b"] })).toBe(400);
    expect(await status({ user: "ana", more: 1 })).toBe(400);
    const list = await request("/admin/revocations", { headers: bearer(ADMIN_KEY) }, to);
    expect(await list.json()).toMatchObject({ revocations: expect.any(Array) as unknown });
  });
});
