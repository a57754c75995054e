import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { refuse } from "../../../src/config/hooks.ts";
import { ERRORS, type ErrorCode, type ErrorRow } from "../../../src/protocol/errors.ts";
import { isAbuse } from "../../../src/protocol/refusals.ts";
import { serveKinds as to } from "../support/kinds.ts";
import type { Act } from "../../support/member.ts";
import { STRICT } from "../support/penalties.ts";
import { uniqueRoom } from "../support/rooms.ts";
import { setHooks } from "../support/test-hooks.ts";
import { joinSse, post } from "../support/sse.ts";
import { TEST_KINDS } from "../support/test-kinds.ts";
import { bearer, token } from "../support/tokens.ts";
import { join, type WebSocketMember } from "../support/websocket.ts";

const { maxRefusals } = STRICT;
const { userMessagesBurst } = TEST_KINDS.scarce;

// The clock stands still unless a test moves it: budgets do not refill.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

/** How frames that a correct client may send are rejected. */
interface Scene {
  readonly kind: string;
  readonly frame: Act;
  readonly rooms?: Readonly<Record<string, readonly string[]>>;
  prepare?(room: string, ana: WebSocketMember): Promise<unknown>;
}

const SCENES: readonly [code: ErrorCode, scene: Scene][] = [
  ["conflict", { kind: "strict", frame: { type: "set", set: { votes: 1 }, if: { votes: 7 } } }],
  ["unknown_member", { kind: "strict", frame: { type: "publish", event: "e", to: ["A".repeat(22)] } }],
  ["unknown_type", { kind: "strict", frame: { type: "of-a-newer-client" } }],
  [
    "not_owner",
    {
      kind: "strict",
      frame: { type: "set", set: { cursor: 1 } },
      prepare: async (room) => (await join(room, { to })).act({ type: "set", set: { cursor: 1 }, own: true }),
    },
  ],
  [
    "state_full",
    {
      kind: "strict-small-state",
      frame: { type: "set", set: { b: 1 } },
      prepare: (_room, ana) => ana.act({ type: "set", set: { a: 1 } }),
    },
  ],
  [
    "forbidden",
    { kind: "strict-closed", frame: { type: "publish", event: "e" }, rooms: { "*": ["join", "history"] } },
  ],
  ["frame_too_large", { kind: "strict-ruled", frame: { type: "publish", event: "grow" } }],
  ["invalid_data", { kind: "strict-checked", frame: { type: "publish", event: "chat", data: { text: 1 } } }],
  ["refused", { kind: "strict-ruled", frame: { type: "publish", event: "not your turn" } }],
];

describe("errors that a correct client cannot avoid", () => {
  it.each(SCENES)("[L2 G10] %s mutes and closes nobody, however often it occurs", async (code, scene) => {
    setHooks({
      onPublish: (_room, _ana, { event }) => {
        if (event === "grow") return { data: "x".repeat(70_000) };
        return event === "e" ? undefined : refuse(event);
      },
    });
    const room = uniqueRoom(scene.kind);
    const headers = scene.rooms && bearer(await token({ rooms: scene.rooms }));
    const ana = await join(room, { to, ...(headers && { headers }) });
    await scene.prepare?.(room, ana);

    for (let n = 0; n < 4 * maxRefusals; n++) expect(await ana.act(scene.frame)).toMatchObject({ code });
    ana.send({ type: "history", ref: 99 });

    expect(await ana.inbox.take("history")).toMatchObject({ ref: 99 });
    expect(await ana.publish("e", 1)).toMatchObject(code === "forbidden" ? { code } : { type: "ack" });
  });

  it("[L2 L1 G10] errors that a correct client cannot avoid are charged to the session's budget, and count when they exceed it", async () => {
    const ana = await join(uniqueRoom("strict"), { to });
    const { messagesBurst, messagesPerSecond } = (await ana.welcome()).limits;
    const frame = { type: "set", set: { votes: 1 }, if: { votes: 7 } };

    for (let n = 0; n < (messagesBurst ?? 0); n++)
      expect(await ana.act(frame)).toMatchObject({ code: "conflict" });
    for (let n = messagesBurst ?? 0; n < 5 * (messagesPerSecond ?? 0); n++)
      expect(await ana.act(frame)).toMatchObject({ code: "rate_limited" });
    for (let n = 0; n < maxRefusals; n++) ana.send({ ...frame, ref: 9_000 + n });

    expect(await ana.closed).toMatchObject({ code: 4505 });
  });

  it.each([
    ["conflict", { type: "set", set: { votes: 1 }, if: { votes: 7 } }],
    ["forbidden", { type: "presence", data: 1 }],
    ["unknown_type", { type: "of-a-newer-client" }],
  ])("[L2 L8 G10] %s is charged to the user, whichever of its sessions causes it", async (code, frame) => {
    const room = uniqueRoom("scarce");
    const rooms = { "*": ["join", "publish", "state"] };
    const from = async (): Promise<object> => ({ to, headers: bearer(await token({ rooms })) });
    const [ana, tab] = [await join(room, await from()), await join(room, await from())];

    for (let n = 0; n < 5; n++) expect(await ana.act(frame)).toMatchObject({ code });
    for (let n = 0; n < 5; n++) expect(await tab.act(frame)).toMatchObject({ code });
    expect(await tab.act(frame)).toMatchObject({ code: "rate_limited", limit: "userMessagesPerSecond" });
    for (let n = 0; n < userMessagesBurst + maxRefusals; n++) tab.send({ ...frame, ref: 9_000 + n });

    expect(await tab.closed).toMatchObject({ code: 4505 });
  });

  it("[L2 L8 G10] forbidden frames are not charged to the room's budget", async () => {
    const room = uniqueRoom("scarce");
    const headers = bearer(await token({ user: "eve", rooms: { "*": ["join"] } }));
    const [eve, ana] = [await join(room, { to, headers }), await join(room, { to })];

    for (let n = 0; n < 8; n++) expect(await eve.publish("e", n)).toMatchObject({ code: "forbidden" });
    for (let n = 0; n < 20; n++) expect(await ana.publish("e", n)).toMatchObject({ type: "ack" });

    expect(await ana.publish("e", 1)).toMatchObject({ limit: "roomMessagesPerSecond" });
  });

  it("[L2 G5 G10] errors that a correct client cannot avoid mute and close nobody by POST either", async () => {
    const room = uniqueRoom("strict");
    const bob = await joinSse(room, { to });
    const frame = { type: "set", set: { votes: 1 }, if: { votes: 7 } };

    for (let n = 0; n < 2; n++) await post(room, bob, Array<object>(maxRefusals).fill(frame), {}, to);

    expect(await post(room, bob, { type: "publish", event: "e" }, {}, to)).toMatchObject({ status: 200 });
  });
});

describe("auth frames whose token is rejected", () => {
  const auth = (text: string): Act => ({ type: "auth", token: text });

  it("[L2 D8] an anonymous session that sends valid tokens gets forbidden, and is closed with abuse", async () => {
    const eve = await join(uniqueRoom("strict"), { to });
    const frame = auth(await token({ user: "eve" }));

    for (let n = 0; n < maxRefusals - 1; n++)
      expect(await eve.act(frame)).toMatchObject({ code: "forbidden" });
    eve.send(frame);

    expect(await eve.closed).toMatchObject({ code: 4505 });
  });

  it.each([
    ["is malformed", "x", "token_invalid"],
    ["is another user's", token({ user: "ana" }), "forbidden"],
    ["does not allow joining", token({ user: "eve", rooms: { "*": ["publish"] } }), "forbidden"],
    ["has expired", token({ user: "eve", exp: 1 }), "token_expired"],
  ])(
    "[L2 D8] a member whose renewals bring a token that %s is closed with abuse",
    async (_what, text, code) => {
      const headers = bearer(await token({ user: "eve" }));
      const eve = await join(uniqueRoom("strict-closed"), { to, headers });
      const frame = auth(await text);

      for (let n = 0; n < maxRefusals - 1; n++) expect(await eve.act(frame)).toMatchObject({ code });
      eve.send(frame);

      expect(await eve.closed).toMatchObject({ code: 4505 });
    },
  );

  it("[L2 D8 G10] a token of a key that the server does not know yet mutes and closes nobody", async () => {
    const headers = bearer(await token({ user: "eve" }));
    const eve = await join(uniqueRoom("strict-closed"), { to, headers });
    const frame = auth(await token({ user: "eve", secret: "a-new-secret-of-at-least-32-characters" }));

    for (let n = 0; n < 2 * maxRefusals; n++)
      expect(await eve.act(frame)).toMatchObject({
        code: "token_invalid",
        retryAfterMs: expect.any(Number) as number,
      });

    expect(await eve.publish("e", 1)).toMatchObject({ type: "ack" });
  });
});

describe("the table of errors", () => {
  const rows = Object.entries(ERRORS) as [ErrorCode, ErrorRow][];

  it("[L2] the error table counts only errors that a client that keeps to the protocol never gets", () => {
    const counted = rows.filter(([code]) => isAbuse({ code })).map(([code]) => code);

    expect(counted.toSorted()).toEqual([
      "bad_frame",
      "binary_frame",
      "frame_too_large",
      "presence_too_large",
      "too_many_items",
      "view_only",
    ]);
    expect(isAbuse({ code: "rate_limited" })).toBe(false);
    expect(isAbuse({ code: "rate_limited", isAbuse: true })).toBe(true);
  });
});
