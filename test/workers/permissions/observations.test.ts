import { describe, it } from "vitest";
import type { Member } from "../../support/member.ts";
import { expectOfEach, type Comparison } from "./compare.ts";
import { observationsIn } from "./observations.ts";
import { TestRoom, type Credential, type Transport } from "./test-room.ts";
import { EVERYTHING, MEMBERS, OBSERVATIONS, meets } from "./table.ts";
import { kindsRoom } from "../support/kinds.ts";
import type { SseJoin } from "../support/sse.ts";
import type { WebSocketMember } from "../support/websocket.ts";

type Held = readonly string[];
type Happening = keyof typeof OBSERVATIONS;
type Joining = Extract<Happening, `it ${string}`>;
type Living = Exclude<Happening, Joining>;

const WAYS_IN: [Transport, Credential][] = [
  ["WebSocket", "a token"],
  ["SSE", "a token"],
  ["WebSocket", "no token"],
  ["SSE", "no token"],
];

/** What who holds this should be sent, by what happens. */
function sightsFor(held: Held, happenings: readonly Happening[]): Record<string, string[]> {
  const seen = (happening: Happening): string[] =>
    Object.entries<readonly string[]>(OBSERVATIONS[happening])
      .filter(([, needs]) => meets(held, needs))
      .map(([sight]) => sight)
      .toSorted();
  return Object.fromEntries(happenings.map((happening) => [happening, seen(happening)]));
}

describe("what a newcomer is sent", () => {
  /** How one joins, in the order in which it is done: who comes back has been there. */
  const JOINED: Readonly<Record<Joining, (room: TestRoom, before: Member | undefined) => SseJoin>> = {
    "it joins": () => ({}),
    "it comes back with a position": ({ start }) => ({ after: start }),
    "it comes back with a position, and asks for the state": ({ start }) => ({
      ...{ after: start, query: { state: "1" } },
    }),
    "it comes back with the list it knows": (_stage, before) => ({
      key: before?.key ?? "",
      query: { roster: rosterOf(before) },
    }),
    "it rewinds": () => ({ query: { rewind: "50" } }),
  };
  const JOININGS = Object.keys(JOINED) as Joining[];

  function rosterOf(member: Member | undefined): string {
    const last = member?.inbox.all.findLast((frame) => "roster" in frame);
    return last !== undefined && "roster" in last ? last.roster : "";
  }

  it.each(WAYS_IN)(
    "[D6 W3 W4 T4 M5 J6 G12] over %s with %s, one reads what one holds allows, and no more",
    async (transport, credential) => {
      await expectOfEach(MEMBERS, async (held) => {
        const room = await TestRoom.create(held, credential);
        const { host } = room;
        await host.publish("e", 1);
        await host.act({ type: "publish", event: "for the host", to: [host.member] });
        await host.act({ type: "set", set: { a: 1 } });
        const found: Record<string, string[]> = {};
        let before: Member | undefined;
        for (const joining of JOININGS) {
          const member = await room.join(transport, JOINED[joining](room, before));
          await room.observedBy(member, async () => undefined);
          found[joining] = observationsIn(
            member.inbox.all.filter((frame) => frame.type !== "message" || frame.event !== "fence"),
          );
          before = member;
        }
        return { found, expected: sightsFor(held, JOININGS) };
      });
    },
  );
});

describe("what a member is sent", () => {
  const VOLATILE = { type: "publish", event: "e", volatile: true };
  const guests = new Map<string, WebSocketMember>();
  const HAPPENS: Readonly<Record<Living, (room: TestRoom, member: Member) => unknown>> = {
    "someone publishes": ({ host }) => host.publish("e", 1),
    "someone publishes, volatile": ({ host }) => host.send(VOLATILE),
    "someone publishes to it": ({ host }, { member }) =>
      host.act({ type: "publish", event: "e", to: [member] }),
    "someone publishes to it, volatile": ({ host }, { member }) => host.send({ ...VOLATILE, to: [member] }),
    "someone publishes to others": ({ host }) => host.act({ type: "publish", event: "e", to: [host.member] }),
    "someone publishes to others, volatile": ({ host }) => host.send({ ...VOLATILE, to: [host.member] }),
    "someone sets": ({ host }) => host.act({ type: "set", set: { a: 1 } }),
    "someone deletes": ({ host }) => host.act({ type: "set", delete: ["a"] }),
    "someone joins": async (room) => guests.set(room.name, await room.guest()),
    "someone sets a key of its own": ({ name }) =>
      guests.get(name)?.act({ type: "set", set: { mine: 1 }, own: true }),
    "someone says something of itself": ({ name }) => guests.get(name)?.setPresence("a guest"),
    "someone leaves, and its keys with it": ({ name }) => guests.get(name)?.act({ type: "leave" }),
  };
  const LIVING = Object.keys(HAPPENS) as Living[];
  const NOT_TO_IT = LIVING.filter((happening) => !happening.includes("to it"));

  /** Has everything happen; beside what the member was sent is what the table says of who holds this. */
  async function compareObservations(
    room: TestRoom,
    member: Member,
    held: Held,
    happenings = LIVING,
  ): Promise<Comparison> {
    const found: Record<string, string[]> = {};
    for (const happening of happenings) {
      found[happening] = observationsIn(
        await room.observedBy(member, async () => HAPPENS[happening](room, member)),
      );
    }
    return { found, expected: sightsFor(held, happenings) };
  }

  it.each(WAYS_IN)(
    "[D6 A7 M3 T1 G12] over %s with %s, one is sent what one holds allows one to see",
    async (transport, credential) => {
      await expectOfEach(MEMBERS, async (held) => {
        const room = await TestRoom.create(held, credential);
        return compareObservations(room, await room.join(transport), held);
      });
    },
  );

  it.each<Transport>(["WebSocket", "SSE"])(
    "[D6 J10 A7 G12] over %s, who watches is sent the same, but for what is for members",
    async (transport) => {
      await expectOfEach(MEMBERS, async (held) => {
        const room = await TestRoom.create(held, "a token");
        const watcher = await room.join(transport, { query: { view: "1" } });
        return compareObservations(room, watcher, held, NOT_TO_IT);
      });
    },
  );

  it.each(["a sleep", "a renewal", "a renewal and a sleep"])(
    "[D6 D8 G7 G12] after %s, one is sent what one holds allows one to see",
    async (what) => {
      await expectOfEach(MEMBERS, async (held) => {
        const isRenewed = what.includes("renewal");
        const room = await TestRoom.create(isRenewed ? EVERYTHING : held, "a token");
        const member = (await room.join("WebSocket")) as WebSocketMember;
        if (isRenewed) await room.renew(member, held);
        if (what.includes("sleep")) await kindsRoom(room.name).evict();
        return compareObservations(room, member, held);
      });
    },
  );
});
