import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { randomKey } from "../../../src/protocol/ids.ts";
import type { Member } from "../../support/member.ts";
import { serveKinds as to } from "../support/kinds.ts";
import { uniqueRoom } from "../support/rooms.ts";
import { joinSse, post } from "../support/sse.ts";
import { SECRETS, TOLERANCE_S, bearer, token, type TokenOptions } from "../support/tokens.ts";
import { join } from "../support/websocket.ts";

// The clock stands still unless a test moves it. It starts at a full second, because tokens count in seconds.
beforeEach(() => vi.setSystemTime(Math.ceil(Date.now() / 1000) * 1000));
afterEach(() => vi.useRealTimers());

const LISTENER = { "*": ["join", "history"] };

/**
 * A token of ana's that was issued this many seconds ago. The server accepts it for `validForS` more seconds, including
 * its tolerance.
 */
function issued(secondsAgo: number, validForS: number, options: TokenOptions = {}): Promise<string> {
  const now = Date.now() / 1000;
  return token({ ...options, exp: now + validForS - TOLERANCE_S, claims: { iat: now - secondsAgo } });
}

/** Renews by POST. Resolves with the reply. */
async function renew(room: string, as: Member, text: string): Promise<unknown> {
  return (await post(room, as, { type: "auth", token: text }, bearer(text), to)).body;
}

describe("an older token that arrives late", () => {
  it("[D8 H1] an older token that arrives late by POST does not shorten the newer one, and its ack has the newer expiresInMs", async () => {
    const room = uniqueRoom("closed");
    const ana = await joinSse(room, { to, headers: bearer(await issued(60, 60)) });
    const [older, newer] = [await issued(50, 90), await issued(40, 600)];

    expect(await renew(room, ana, newer)).toMatchObject({ type: "ack", expiresInMs: 600_000 });
    expect(await renew(room, ana, older)).toMatchObject({ type: "ack", expiresInMs: 600_000 });

    vi.setSystemTime(Date.now() + 120_000);
    const bob = await join(room, { to, headers: bearer(await token({ user: "bob" })) });
    await bob.publish("still", 1);
    expect(await ana.inbox.take("message")).toMatchObject({ event: "still" });
  });

  it("[D8 D6] an older token that arrives late does not restore revoked capabilities: by POST, by auth, or with another act", async () => {
    const room = uniqueRoom("closed");
    const ana = await join(room, { to, headers: bearer(await issued(60, 60)) });
    const older = await issued(50, 6_000);
    const newer = await issued(40, 600, { rooms: LISTENER });

    await ana.act({ type: "auth", token: newer });
    expect(await renew(room, ana, older)).toMatchObject({ type: "ack", expiresInMs: 600_000 });
    expect(await ana.act({ type: "auth", token: older })).toMatchObject({ expiresInMs: 600_000 });
    await post(room, ana, { type: "publish", event: "mine" }, bearer(older), to);

    expect(await ana.publish("chat", 1)).toMatchObject({ code: "forbidden" });
  });

  it("[D8] a token by POST without iat counts as older if it expires sooner", async () => {
    const room = uniqueRoom("closed");
    const ana = await joinSse(room, { to, headers: bearer(await issued(60, 60)) });
    const exp = Date.now() / 1000 - TOLERANCE_S;
    const [shorter, longer] = [await token({ exp: exp + 90 }), await token({ exp: exp + 600 })];

    expect(await renew(room, ana, longer)).toMatchObject({ expiresInMs: 600_000 });
    expect(await renew(room, ana, shorter)).toMatchObject({ expiresInMs: 600_000 });
  });

  it("[D8] an older token over a socket is recognized by the order of frames, even if its check takes longer", async () => {
    const room = uniqueRoom("closed");
    const ana = await join(room, { to, headers: bearer(await token()) });
    // This server tries the secrets in order, so a token of the first one is checked sooner.
    const slow = await token({ secret: SECRETS[1], exp: Date.now() / 1000 + 90 - TOLERANCE_S });
    const quick = await token({
      secret: SECRETS[0],
      exp: Date.now() / 1000 + 60 - TOLERANCE_S,
      rooms: LISTENER,
    });

    ana.send([
      { type: "auth", ref: 1, token: slow },
      { type: "auth", ref: 2, token: quick },
    ]);
    const acks = [await ana.inbox.take("ack"), await ana.inbox.take("ack")];

    expect(acks.map(({ ref }) => ref)).toEqual([2, 1]);
    expect(acks.map(({ expiresInMs }) => expiresInMs)).toEqual([60_000, 60_000]);
    expect(await ana.act({ type: "publish", event: "chat" }, 3)).toMatchObject({ code: "forbidden" });
  });
});

describe("a renewal for a connection that was replaced meanwhile", () => {
  it("[D8 H9] a renewal by POST for a replaced connection does not affect the newer one", async () => {
    const [room, key] = [uniqueRoom("closed"), randomKey()];
    const page = await joinSse(room, { to, key, query: { try: "8" }, headers: bearer(await token()) });
    const reloaded = await join(room, {
      ...{ to, key, query: { try: "9" } },
      headers: bearer(await token({ rooms: LISTENER })),
    });
    const late = await token({ exp: Date.now() / 1000 + 36_000 });

    const as = { session: page.session, key: `${key}.8` };
    const answer = await post(room, as, { type: "auth", token: late }, bearer(late), to);

    expect(answer.body).toMatchObject({ code: "superseded", try: 9 });
    expect(await reloaded.publish("chat", 1)).toMatchObject({ code: "forbidden" });
  });
});
