import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { randomKey } from "../../../src/protocol/ids.ts";
import { kindsRoom, serveKinds as to, serveKindsWith } from "../support/kinds.ts";
import { crash, request, roomPath, uniqueRoom, type Serve } from "../support/rooms.ts";
import { joinSse, post } from "../support/sse.ts";
import { ADMIN_KEY, bearer, token } from "../support/tokens.ts";
import { join, joinWebSocket } from "../support/websocket.ts";

// The clock stands still unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

function uniqueUser(): string {
  return `user-${randomKey()}`;
}

/** A token that was issued this many seconds ago. */
function issued(user: string, secondsAgo = 10): Promise<string> {
  return token({ user, claims: { iat: Math.floor(Date.now() / 1000) - secondsAgo } });
}

/** Revokes as an administrator, by default through another server, which stands for another isolate. */
function revoke(what: object, at: Serve = serveKindsWith({})): Promise<Response> {
  const init = { method: "POST", headers: bearer(ADMIN_KEY), body: JSON.stringify(what) };
  return request("/admin/revocations", init, at);
}

describe("a revoked user", () => {
  it("[D11 G12] a revoked user cannot rejoin a named room immediately, even if its Worker does not know of the revocation", async () => {
    const [user, room] = [uniqueUser(), uniqueRoom("closed")];
    const headers = bearer(await issued(user));
    const ana = await join(room, { to, headers });

    await revoke({ user, rooms: [room] });
    expect(await ana.closed).toMatchObject({ code: 4503 });
    const again = await joinWebSocket(room, { to, headers });
    const later = await join(room, { to, headers: bearer(await issued(user, -1)) });

    expect(await again.inbox.take("error")).toMatchObject({ code: "token_revoked" });
    expect(await later.welcome()).toMatchObject({ user });
  });

  it("[D11 D10 G12] a revoked user cannot join with an earlier ticket, nor get a new one", async () => {
    const [user, room] = [uniqueUser(), uniqueRoom("closed")];
    const init = { method: "POST", headers: bearer(await issued(user)) };
    const given = await request(roomPath(room, "/ticket"), init, to);
    const { ticket } = await given.json<{ ticket: string }>();
    await join(room, { to, query: { ticket } });

    await revoke({ user });
    pass(8_000);
    const back = await joinWebSocket(room, { to, query: { ticket } });
    const asked = await request(roomPath(room, "/ticket"), init, to);

    expect(await back.inbox.take("error")).toMatchObject({ code: "token_revoked" });
    expect(await asked.json()).toMatchObject({ code: "token_revoked" });
  });

  it("[D11 G12] a revoked user cannot act by POST or read after at most ten seconds", async () => {
    const [user, room] = [uniqueUser(), uniqueRoom("closed")];
    const headers = bearer(await issued(user));
    const ana = await joinSse(room, { to, headers });
    expect(await post(room, ana, { type: "publish", event: "e" }, headers, to)).toMatchObject({
      status: 200,
    });

    await revoke({ user });
    pass(8_000);

    const acted = await post(room, ana, { type: "publish", event: "e" }, headers, to);
    expect(acted).toMatchObject({ status: 401, body: { code: "token_revoked" } });
    for (const part of ["", "/history", "/members", "/state"]) {
      expect((await request(roomPath(room, part), { headers }, to)).status).toBe(401);
    }
  });

  it("[D11] a revoked user is removed from a named room, also in grace and as view-only", async () => {
    const [user, room] = [uniqueUser(), uniqueRoom("strict-grace")];
    const headers = bearer(await issued(user));
    const [lost, watcher] = [
      await joinSse(room, { to, headers }),
      await join(room, { to, headers, query: { view: "1" } }),
    ];
    lost.vanish();
    await lost.ended;

    const answer = await revoke({ user, rooms: [room] });

    expect(await answer.json()).toMatchObject({ removed: { [room]: 2 } });
    expect(await watcher.closed).toMatchObject({ code: 4503 });
  });

  it("[D11 G11] a revoked user is disconnected by the next alarm of an idle room", async () => {
    const [user, room] = [uniqueUser(), uniqueRoom("closed")];
    const ana = await join(room, { to, headers: bearer(await issued(user)) });
    // One whose token ends soon has the alarm come before ana counts as silent.
    const exp = Math.floor(Date.now() / 1000) + 120;
    await join(room, { to, headers: bearer(await token({ user: uniqueUser(), exp })) });
    await revoke({ user });
    await kindsRoom(room).evict();

    vi.setSystemTime((await kindsRoom(room).inside(({ storage }) => storage.getAlarm())) ?? 0);
    await runDurableObjectAlarm(kindsRoom(room).stub as DurableObjectStub);

    expect(await ana.closed).toMatchObject({ code: 4503 });
  });

  it("[D11 G6] a revocation survives a crash of everything", async () => {
    const [user, room] = [uniqueUser(), uniqueRoom("closed")];
    const headers = bearer(await issued(user));

    await revoke({ user });
    await crash();
    const socket = await joinWebSocket(room, { to: serveKindsWith({}), headers });

    expect(await socket.inbox.take("error")).toMatchObject({ code: "token_revoked" });
  });

  it("[D11] a revocation takes effect even after the room's clock was set back", async () => {
    const [user, room] = [uniqueUser(), uniqueRoom("closed")];
    const revoked = await join(room, { to, headers: bearer(await issued(user, 7_200)) });
    const other = await join(room, { to, headers: bearer(await issued(uniqueUser())) });
    await other.publish("e", 1);

    pass(-3_600_000);
    await revoke({ user });
    pass(9_000);
    await other.publish("e", 2);

    expect(await revoked.closed).toMatchObject({ code: 4503 });
  });
});

describe("an unavailable registry", () => {
  const broken = { getByName: () => ({ since: () => Promise.reject(new Error("down")) }) };

  it("[D11 J8] without the registry, a client with a token gets a retry time, and a client without one can join", async () => {
    const server = serveKindsWith({ REGISTRY: broken });
    const room = uniqueRoom("strict");

    const refused = await request(roomPath(room), { headers: bearer(await token()) }, server);

    expect(refused.status).toBe(503);
    expect(refused.headers.get("Retry-After")).not.toBeNull();
    expect(await refused.json()).toMatchObject({ code: "unavailable" });
    await join(room, { to: server });
  });

  it("[D11 E1] without the registry, administrators get unavailable without the reason", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const server = serveKindsWith({ REGISTRY: broken });

    const answers = [
      await revoke({ user: "ana" }, server),
      await request("/admin/revocations", { headers: bearer(ADMIN_KEY) }, server),
    ];

    for (const answer of answers) {
      expect(answer.status).toBe(503);
      const text = await answer.text();
      expect(text).toContain("unavailable");
      expect(text).not.toContain("down");
    }
  });
});
