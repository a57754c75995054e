import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { deriveIdentity, randomKey } from "../../../src/protocol/ids.ts";
import { kindsRoom, serveKinds as to } from "../support/kinds.ts";
import { STRICT, beBanned, refusalOf, sendToSleep, tableCount } from "../support/penalties.ts";
import { crash, uniqueAddress, uniqueRoom, type Serve } from "../support/rooms.ts";
import { joinSse, openEvents, post } from "../support/sse.ts";
import { bearer, token } from "../support/tokens.ts";
import { join, joinWebSocket } from "../support/websocket.ts";

const { maxRefusals, banMs } = STRICT;
const BANNED = { type: "error", code: "banned", limit: "maxRefusals" };
const NONSENSE = Array<object>(maxRefusals).fill({ type: "publish" });

// The clock stands still unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/** The join options of a client at an address. */
function from(address = uniqueAddress()): { to: Serve; headers: { "CF-Connecting-IP": string } } {
  return { to, headers: { "CF-Connecting-IP": address } };
}

/** The join options of a user, with a new address each time. */
async function as(user: string): Promise<{ to: Serve; headers: Record<string, string> }> {
  return { to, headers: bearer(await token({ user })) };
}

describe("a client that was closed with abuse", () => {
  it("[L2 G10] a banned user is rejected from every address, and all its sessions are closed", async () => {
    const room = uniqueRoom("strict-closed");
    const [ana, tab, watcher, bob] = [
      await join(room, await as("ana")),
      await joinSse(room, await as("ana")),
      await join(room, { ...(await as("ana")), query: { view: "1" } }),
      await join(room, await as("bob")),
    ];

    await beBanned(ana);

    expect(await ana.closed).toMatchObject({ code: 4505 });
    expect(await tab.closed).toMatchObject({ code: 4007 });
    expect(await watcher.closed).toMatchObject({ code: 4007 });
    await bob.inbox.take("presence", ({ count }) => count === 1);
    const again = await joinWebSocket(room, await as("ana"));
    expect(await again.inbox.take("error")).toMatchObject({ ...BANNED, retryAfterMs: banMs });
    expect(await again.closed).toMatchObject({ code: 4007 });
    expect(await bob.publish("e", 1)).toMatchObject({ type: "ack" });
    await join(uniqueRoom("strict-closed"), await as("ana"));
  });

  it("[L2 G10] the ban of a user also ends its memberships in grace, which then cannot act by POST", async () => {
    const room = uniqueRoom("strict-grace");
    const [ana, lost] = [await join(room, await as("ana")), await joinSse(room, await as("ana"))];
    const bob = await join(room, await as("bob"));
    lost.vanish();
    await lost.ended;

    await beBanned(ana);
    await bob.inbox.take("presence", ({ count }) => count === 1);
    const { headers } = await as("ana");
    const answer = await post(room, lost, { type: "publish", event: "e" }, headers, to);

    expect(answer).toMatchObject({ status: 409, body: { code: "not_joined" } });
  });

  it("[L2] a banned anonymous client is banned with its address, and members from that address stay", async () => {
    const room = uniqueRoom("strict");
    const home = from();
    const [ana, neighbour] = [await join(room, home), await join(room, home)];

    await beBanned(ana);

    expect(await refusalOf(room, home.headers)).toMatchObject(BANNED);
    expect(await neighbour.publish("e", 1)).toMatchObject({ type: "ack" });
    await join(room, from());
  });

  it.each([
    ["strict", sendToSleep],
    ["strict", () => crash()],
    ["strict-memory", sendToSleep],
    ["strict-none", () => crash()],
  ])("[L2 G6] a %s room remembers a ban over a sleep or a crash", async (kind, happen) => {
    const room = uniqueRoom(kind);
    const home = from();
    const ana = await join(room, home);
    await join(room, from());

    await beBanned(ana);
    await happen(room);

    expect(await refusalOf(room, home.headers)).toMatchObject(BANNED);
  });

  it("[L2 G10] the room rejects a banned client once, then the edge does without waking the room", async () => {
    const room = uniqueRoom("strict");
    const home = from();
    await beBanned(await join(room, home));

    const first = await refusalOf(room, home.headers);
    await sendToSleep(room);
    pass(banMs - 1);
    const second = await refusalOf(room, home.headers);
    const wasAwake = await sendToSleep(room);
    pass(1);

    expect(first).toMatchObject({ ...BANNED, retryAfterMs: banMs });
    expect(second).toMatchObject({ ...BANNED, retryAfterMs: 1 });
    expect(wasAwake).toBe(false);
    await join(room, home);
  });

  it("[L2 S6 S7] a banned EventSource receives a retry time", async () => {
    const room = uniqueRoom("strict");
    const home = from();
    const reader = await joinSse(room, home);

    await post(room, reader, NONSENSE, home.headers, to);
    await reader.ended;
    const back = await openEvents(room, home);
    await back.ended;

    expect(reader.inbox.all.at(-1)).toMatchObject({ type: "close", code: 4505 });
    expect(back.inbox.all).toMatchObject([BANNED]);
    expect(back.stream.retryMs).toBe(banMs);
    expect(back.stream.lastEventId).not.toBe("~closed");
  });

  it("[L2] a client whose POSTs come from another address is banned with both addresses", async () => {
    const room = uniqueRoom("strict");
    const [stream, acts] = [from(), from()];
    const reader = await joinSse(room, stream);

    await post(room, reader, NONSENSE, acts.headers, to);
    await reader.ended;

    expect(await refusalOf(room, stream.headers)).toMatchObject(BANNED);
    expect(await refusalOf(room, acts.headers)).toMatchObject(BANNED);
  });

  it("[L2 J10] a view-only client can be banned as well", async () => {
    const room = uniqueRoom("strict");
    const home = from();

    await beBanned(await join(room, { ...home, query: { view: "1" } }));

    expect(await refusalOf(room, home.headers)).toMatchObject(BANNED);
  });

  it("[L2 G10] if the runtime provides no address, only the session is banned", async () => {
    const room = uniqueRoom("strict");
    const bare: Serve = (request) => {
      const headers = new Headers(request.headers);
      headers.delete("CF-Connecting-IP");
      return to(new Request(request, { headers }));
    };
    const ana = await join(room, { to: bare });

    await beBanned(ana);
    const again = await joinWebSocket(room, { to: bare, key: ana.key });

    expect(await again.inbox.take("error")).toMatchObject(BANNED);
    await join(room, { to: bare });
  });
});

describe("a client that has not joined", () => {
  it("[L2 N3 G10] a client that has not joined creates no tables by its frames, and is not banned", async () => {
    const room = uniqueRoom("strict");
    const home = from();
    const key = randomKey();
    const { session } = await deriveIdentity(room, "", key);

    for (let n = 0; n < 3; n++) {
      await post(room, { session, key }, { type: "publish", event: "e" }, home.headers, to);
      await post(room, { session, key }, NONSENSE, home.headers, to);
    }

    expect(await tableCount(room)).toBe(0);
    await join(room, { ...home, key });
    expect(await kindsRoom(room).info()).toMatchObject({ members: 1 });
  });
});
