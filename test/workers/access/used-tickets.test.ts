import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { deriveIdentity, deriveTicketKey, randomKey } from "../../../src/protocol/ids.ts";
import { kindsRoom, serveKinds, serveKindsWith } from "../support/kinds.ts";
import { crash, request, roomPath, uniqueRoom, type Serve } from "../support/rooms.ts";
import { joinSse, openEvents, post } from "../support/sse.ts";
import { SECRETS, bearer, token, type TokenOptions } from "../support/tokens.ts";
import { join, joinWebSocket } from "../support/websocket.ts";

const to = serveKinds;

// The clock stands still unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/** Exchanges a token for a ticket. */
async function ticketFor(room: string, options: TokenOptions = {}, from: Serve = to): Promise<string> {
  const headers = bearer(await token(options));
  const response = await request(roomPath(room, "/ticket"), { method: "POST", headers }, from);
  return (await response.json<{ ticket: string }>()).ticket;
}

/** Returns the error code of a rejected join. */
async function refusedWith(room: string, query: Record<string, string>, by: Serve = to): Promise<string> {
  const socket = await joinWebSocket(room, { to: by, query });
  return (await socket.inbox.take("error")).code;
}

describe("a ticket", () => {
  it("[D10 G12] a ticket is for joins only: it permits no reads and no acts, used or not", async () => {
    const room = uniqueRoom("closed");
    const [fresh, used] = [await ticketFor(room), await ticketFor(room)];
    const key = await deriveTicketKey(used);
    const ana = await joinSse(room, { to, query: { ticket: used } });
    await post(room, ana, { type: "publish", event: "secret" }, bearer(await token()), to);

    for (const ticket of [fresh, used]) {
      for (const part of ["", "/history", "/members", "/state"]) {
        const read = await request(roomPath(room, `${part}?ticket=${ticket}`), {}, to);
        expect(await read.json()).toMatchObject({ code: "token_missing" });
      }
      const { session } = await deriveIdentity(room, "ana", key);
      const headers = { "Parlor-Session": `${session}.${key}` };
      const init = { method: "POST", headers, body: '{"type":"leave"}' };
      const acted = await request(roomPath(room, `/messages?ticket=${ticket}`), init, to);
      expect(await acted.json()).toMatchObject({ code: "token_missing" });
    }
    expect(await kindsRoom(room).info()).toMatchObject({ code: "token_missing" });
    expect(await ana.welcome()).toMatchObject({ session: (await deriveIdentity(room, "ana", key)).session });
  });

  it("[D10 J10] a view-only join binds a ticket to its session, too", async () => {
    const room = uniqueRoom("closed");
    const ticket = await ticketFor(room);
    const watcher = await join(room, { to, query: { ticket, view: "1" } });

    expect(await refusedWith(room, { ticket, key: randomKey() })).toBe("ticket_used");
    const member = await join(room, { to, query: { ticket } });

    expect(await watcher.closed).toMatchObject({ code: 4504 });
    expect(member.session).toBe(watcher.session);
  });

  it("[D10 D3 G12] a ticket with another user's key gives a session of its own, not the other user's", async () => {
    const room = uniqueRoom("closed");
    const ana = await join(room, { to, headers: bearer(await token()) });
    const ticket = await ticketFor(room, { user: "bob" });

    const bob = await join(room, { to, query: { ticket }, key: ana.key });

    expect(bob.member).not.toBe(ana.member);
    expect(await ana.publish("e", 1)).toMatchObject({ type: "ack" });
  });

  it("[D10 J11] a ticket is not used up by an attempt that arrives late", async () => {
    const [room, key] = [uniqueRoom("closed"), randomKey()];
    const ticket = await ticketFor(room);
    const ana = await join(room, { to, key, query: { ticket: await ticketFor(room), try: "9" } });

    expect(await refusedWith(room, { ticket, key, try: "8" })).toBe("superseded");
    const other = await join(room, { to, query: { ticket } });

    expect(other.member).not.toBe(ana.member);
  });

  it("[D10] one of several simultaneous joins with one ticket succeeds", async () => {
    const room = uniqueRoom("closed");
    const ticket = await ticketFor(room);

    const sockets = await Promise.all(
      Array.from({ length: 8 }, () => joinWebSocket(room, { to, query: { ticket, key: randomKey() } })),
    );
    const answers = await Promise.all(sockets.map(({ inbox }) => inbox.take(["welcome", "error"])));

    expect(answers.filter(({ type }) => type === "welcome")).toHaveLength(1);
  });

  it("[D10 J9] a ticket that a full room has rejected is not used up", async () => {
    const room = uniqueRoom("cosy");
    const ana = await join(room, { to, headers: bearer(await token()) });
    const ticket = await ticketFor(room);

    expect(await refusedWith(room, { ticket, key: randomKey() })).toBe("room_full");
    ana.close();
    await ana.closed;

    await join(room, { to, query: { ticket } });
  });

  it("[D10 A6] a ticket still belongs to its session after a leave, a crash and a day, with the capabilities of its token", async () => {
    const room = uniqueRoom("closed");
    const exp = Math.floor(Date.now() / 1000) + 200_000;
    const ticket = await ticketFor(room, { exp, rooms: { "*": ["join"] } });
    const ana = await join(room, { to, query: { ticket } });
    await ana.act({ type: "leave" });
    await crash();
    pass(86_400_000);

    expect(await refusedWith(room, { ticket, key: randomKey() })).toBe("ticket_used");
    const back = await join(room, { to, query: { ticket } });

    expect(back.member).toBe(ana.member);
    expect(await back.publish("e", 1)).toMatchObject({ code: "forbidden" });
  });

  it("[D10 G10] expired tickets are deleted at most once a minute", async () => {
    const room = uniqueRoom("closed");
    const exp = Math.floor(Date.now() / 1000) + 30;
    const count = (): Promise<number> =>
      kindsRoom(room).inside(({ storage }) => storage.sql.exec("SELECT id FROM ticket").toArray().length);
    await join(room, { to, query: { ticket: await ticketFor(room) } });
    for (let n = 0; n < 3; n++) await join(room, { to, query: { ticket: await ticketFor(room, { exp }) } });

    pass(31_000);
    await join(room, { to, query: { ticket: await ticketFor(room) } });
    const early = await count();
    pass(29_000);
    await join(room, { to, query: { ticket: await ticketFor(room) } });

    expect([early, await count()]).toEqual([5, 3]);
  });
});

describe("the secrets of tickets", () => {
  const NEW = "a-new-secret-that-has-32-characters-or-more";

  it("[D10 D4] a ticket signed with a secret that is being rotated out is valid until that secret is removed", async () => {
    const before = serveKindsWith({ TOKEN_SECRETS: SECRETS[1] });
    const during = serveKindsWith({ TOKEN_SECRETS: `${NEW}, ${SECRETS[1]}` });
    const after = serveKindsWith({ TOKEN_SECRETS: NEW });
    const room = uniqueRoom("closed");
    const [old, older] = [await ticketFor(room, {}, before), await ticketFor(room, {}, before)];

    await join(room, { to: during, query: { ticket: old } });
    const fresh = await ticketFor(room, {}, during);

    await join(room, { to: after, query: { ticket: fresh } });
    const early = await joinWebSocket(room, { to: before, query: { ticket: fresh } });
    expect(await early.inbox.take("error")).toMatchObject({ code: "token_invalid", retryAfterMs: 30_000 });
    expect(await early.closed).toMatchObject({ code: 4007 });
    expect(await refusedWith(room, { ticket: older }, after)).toBe("token_invalid");
  });

  it("[D10] a server that has only public keys issues no tickets, and its error names TOKEN_SECRETS", async () => {
    const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
    const jwk = (await crypto.subtle.exportKey("jwk", pair.publicKey)) as object;
    const server = serveKindsWith({ TOKEN_SECRETS: "", TOKEN_KEYS: JSON.stringify({ keys: [jwk] }) });
    const { SignJWT } = await import("jose");
    const signed = await new SignJWT({ rooms: { "*": ["join"] } })
      .setProtectedHeader({ alg: "EdDSA" })
      .setSubject("ana")
      .setExpirationTime("1h")
      .sign(pair.privateKey);
    const room = uniqueRoom("closed");
    const init = { method: "POST", headers: bearer(signed) };

    const answer = await request(roomPath(room, "/ticket"), init, server);

    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({
      code: "not_found",
      message: expect.stringContaining("TOKEN_SECRETS") as unknown,
    });
    expect(await refusedWith(room, { ticket: await ticketFor(room) }, server)).toBe("token_invalid");
  });

  it("[D10 D1 G12] a server without secrets serves only the kinds that are open", async () => {
    const server = serveKindsWith({ TOKEN_SECRETS: "", ADMIN_KEYS: "" });
    const reader = await openEvents(uniqueRoom("closed"), { to: server, headers: bearer(await token()) });
    const asked = await request(roomPath(uniqueRoom(), "/ticket"), { method: "POST" }, server);

    expect(await reader.inbox.take("error")).toMatchObject({ code: "token_invalid", retryAfterMs: 30_000 });
    expect(await asked.json()).toMatchObject({ code: "token_missing" });
    await join(uniqueRoom("strict"), { to: server });
  });

  it("[D10] a server with a secret that is too short does not start, and its error does not reveal the secret", () => {
    let problems = "";
    try {
      serveKindsWith({ TOKEN_SECRETS: "brief-secret", ADMIN_KEYS: "prl_brief" });
    } catch (error) {
      problems = String(error);
    }

    expect(problems).toMatch(/TOKEN_SECRETS[^]*ADMIN_KEYS/);
    expect(problems).not.toContain("brief");
  });
});
