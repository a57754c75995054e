import { describe, expect, it } from "vitest";
import type { Act } from "../../support/member.ts";
import { expectOfEach, type Comparison } from "./compare.ts";
import { observationsIn } from "./observations.ts";
import { CHANGES, TestRoom, WAYS_IN, tokenFor, type Credential } from "./test-room.ts";
import { ACTS, EVERYTHING, FOR_ANYTHING, HOLDERS, JOINS, MEMBERS, READS, meets } from "./table.ts";
import { bearer } from "../support/tokens.ts";
import { WebSocketMember } from "../support/websocket.ts";

type Held = readonly string[];
type ActName = keyof typeof ACTS;

const FORBIDDEN = "forbidden; observed by no other member; 0 stored";

/** The outcome of an act: its reply, what the other members observed, and how many changes were stored. */
async function outcome(room: TestRoom, answer: string): Promise<string> {
  const { frames, stored } = await room.observedByHost();
  return `${answer}; observed by ${frames.length === 0 ? "no other member" : `others: ${observationsIn(frames).join(", ")}`}; ${stored} stored`;
}

/** The expected outcome of an act that is allowed. */
function allowed(answer: string, observed: readonly string[]): string {
  const stored = observed.filter((each) => /message|state/.test(each) && !each.includes("volatile"));
  return `${answer}; observed by ${observed.length === 0 ? "no other member" : `others: ${observed.join(", ")}`}; ${stored.length} stored`;
}

describe("joining", () => {
  const ASKED = {
    join: {},
    "join with presence data": { presence: "Sue" },
    "join as a viewer": { query: { view: "1" } },
  } satisfies Record<keyof typeof JOINS, object>;

  it.each(WAYS_IN)(
    "[D1 D5 D6 J8 S7 G12] a join over %s with %s is accepted if the client's capabilities allow it, and else closed with forbidden",
    async (transport, credential) => {
      await expectOfEach(HOLDERS, async (held) => {
        const room = await TestRoom.create(held, credential);
        const found: Record<string, string> = {};
        const expected: Record<string, string> = {};
        for (const [name, { needs, observed }] of Object.entries(JOINS)) {
          const member = await room.tryToJoin(transport, ASKED[name as keyof typeof JOINS]);
          const first = await member.inbox.take(["welcome", "error"]);
          const close = first.type === "error" ? ` ${(await member.closed).code}` : "";
          found[name] = (await outcome(room, first.type === "error" ? first.code : first.type)) + close;
          expected[name] = meets(held, needs) ? allowed("welcome", observed) : `${FORBIDDEN} 4503`;
        }
        return { found, expected };
      });
    },
  );
});

describe("reading", () => {
  it.each<Credential>(["a token", "no token"])(
    "[D1 D5 D6 H5 H6 H7 N3 G12] with %s a client reads over GET only what its capabilities allow",
    async (credential) => {
      await expectOfEach(HOLDERS, async (held) => {
        const room = await TestRoom.create(held, credential);
        const found: Record<string, string> = {};
        const expected: Record<string, string> = {};
        for (const [name, needs] of Object.entries(READS)) {
          const response = await room.get(name.replace("GET /rooms/{room}", ""));
          const body: { code?: string } = await response.json();
          found[name] = `${response.status} ${body.code ?? "answered"}`;
          const isIn = credential === "no token" || meets(held, [FOR_ANYTHING]);
          expected[name] = isIn && meets(held, needs) ? "200 answered" : "403 forbidden";
        }
        return { found, expected };
      });
    },
  );
});

describe("acting", () => {
  /** What the client sends. An act may depend on earlier acts in the table. */
  const SENT: Readonly<Record<ActName, (room: TestRoom, held: Held) => Act | Promise<Act>>> = {
    "publish chat": () => ({ type: "publish", event: "chat", data: 1 }),
    "publish chat to some members": ({ host }) => ({ type: "publish", event: "chat", to: [host.member] }),
    "publish chat, volatile": () => ({ type: "publish", event: "chat", volatile: true }),
    "publish chat to some members, volatile": ({ host }) => ({
      ...{ type: "publish", event: "chat", volatile: true },
      to: [host.member],
    }),
    "publish chatter": () => ({ type: "publish", event: "chatter" }),
    "publish cursor": () => ({ type: "publish", event: "cursor" }),
    "publish cursor.move": () => ({ type: "publish", event: "cursor.move" }),
    "publish cursor.move, volatile": () => ({ type: "publish", event: "cursor.move", volatile: true }),
    set: () => ({ type: "set", set: { a: 1 } }),
    "set own": () => ({ type: "set", set: { mine: 1 }, own: true }),
    delete: () => ({ type: "set", delete: ["mine"] }),
    presence: () => ({ type: "presence", data: "Sue" }),
    history: () => ({ type: "history" }),
    seen: () => ({ type: "seen", chars: 0 }),
    auth: async (_stage, held) => ({ type: "auth", token: await tokenFor(held) }),
    leave: () => ({ type: "leave" }),
  };

  /** Sends every act in the table. Returns each outcome, and what the table expects for these capabilities. */
  async function compareActs(
    room: TestRoom,
    held: Held,
    act: (act: Act) => Promise<string>,
    exceptions: Partial<Record<ActName, string>> = {},
  ): Promise<Comparison> {
    const found: Record<string, string> = {};
    const expected: Record<string, string> = {};
    await room.observedByHost();
    for (const [name, { needs, observed }] of Object.entries(ACTS)) {
      found[name] = await outcome(room, await act(await SENT[name as ActName](room, held)));
      const answer = name === "history" ? "history" : "ack";
      expected[name] = meets(held, needs) ? allowed(answer, observed) : FORBIDDEN;
    }
    return { found, expected: { ...expected, ...exceptions } };
  }

  it.each(WAYS_IN)(
    "[D1 D6 D8 H1 G12] over %s with %s an act takes effect if the member's capabilities allow it, and else reaches no other member",
    async (transport, credential) => {
      // A member that joined without a token has no user, so it cannot renew with a token (D8).
      const exceptions = credential === "a token" ? {} : { auth: FORBIDDEN };
      await expectOfEach(MEMBERS, async (held) => {
        const room = await TestRoom.create(held, credential);
        const member = await room.join(transport);
        const act = (sent: Act): Promise<string> =>
          member instanceof WebSocketMember ? room.act(member, sent) : room.post(member, sent);
        return compareActs(room, held, act, exceptions);
      });
    },
  );

  it.each(CHANGES)(
    "[D6 D8 G7 G12] after %s an act takes effect if the member's capabilities allow it, and else reaches no other member",
    async (change) => {
      await expectOfEach(MEMBERS, async (held) => {
        const { room, member } = await TestRoom.after(change, held);
        return compareActs(room, held, (act) => room.act(member, act));
      });
    },
  );

  it("[D5 D6 D8 H1 G12] a POST is checked against its own token, not against the capabilities of its session", async () => {
    await expectOfEach(HOLDERS, async (held) => {
      const room = await TestRoom.create(EVERYTHING, "a token");
      const member = await room.join("WebSocket");
      const headers = bearer(await tokenFor(held));
      const nothing = Object.fromEntries(Object.keys(ACTS).map((name) => [name, FORBIDDEN]));
      const act = (sent: Act): Promise<string> => room.post(member, sent, headers);
      return compareActs(room, held, act, meets(held, [FOR_ANYTHING]) ? {} : nothing);
    });
  });

  it("[D5 D8 G12] a token without join does not renew a session, and does not reduce its capabilities", async () => {
    const room = await TestRoom.create(EVERYTHING, "a token");
    const member = (await room.join("WebSocket")) as WebSocketMember;
    const weak = ["publish", "history"];

    expect(await room.renew(member, weak)).toBe("forbidden");
    const later = bearer(await tokenFor(weak, { exp: Math.floor(Date.now() / 1000) + 7_200 }));
    expect(await room.post(member, { type: "seen", chars: 0 }, later)).toBe("forbidden");
    expect(await room.act(member, { type: "set", set: { a: 1 } })).toBe("ack");
  });
});
