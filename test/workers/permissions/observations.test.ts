import { describe, it } from "vitest";
import type { Member } from "../../support/member.ts";
import { expectOfEach, type Comparison } from "./compare.ts";
import { observationsIn } from "./observations.ts";
import { CHANGES, TestRoom, WAYS_IN, type Transport } from "./test-room.ts";
import { MEMBERS, OBSERVATIONS, meets } from "./table.ts";
import type { SseJoin } from "../support/sse.ts";
import type { WebSocketMember } from "../support/websocket.ts";

type Held = readonly string[];
type Happening = keyof typeof OBSERVATIONS;
type Joining = Extract<Happening, `it ${string}`>;
type Living = Exclude<Happening, Joining>;

/** What a member with these capabilities should receive, by event. */
function observationsFor(held: Held, happenings: readonly Happening[]): Record<string, string[]> {
  const seen = (happening: Happening): string[] =>
    Object.entries<readonly string[]>(OBSERVATIONS[happening])
      .filter(([, needs]) => meets(held, needs))
      .map(([observation]) => observation)
      .toSorted();
  return Object.fromEntries(happenings.map((happening) => [happening, seen(happening)]));
}

describe("frames that a joining client receives", () => {
  /** How a client joins, in this order: a client must have joined before it can rejoin. */
  const JOINED: Readonly<Record<Joining, (room: TestRoom, before: Member | undefined) => SseJoin>> = {
    "it joins": () => ({}),
    "it rejoins with a position": ({ start }) => ({ after: start }),
    "it rejoins with a position and requests the state": ({ start }) => ({
      ...{ after: start, query: { state: "1" } },
    }),
    "it rejoins with the member list that it knows": (_stage, before) => ({
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
    "[D6 W3 W4 T4 M5 J6 G12] a client that joins over %s with %s receives only what its capabilities allow",
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
        return { found, expected: observationsFor(held, JOININGS) };
      });
    },
  );
});

describe("frames that a member receives", () => {
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
    "someone sets a key that it owns": ({ name }) =>
      guests.get(name)?.act({ type: "set", set: { mine: 1 }, own: true }),
    "someone sets presence data": ({ name }) => guests.get(name)?.setPresence("a guest"),
    "someone leaves and its keys are deleted": ({ name }) => guests.get(name)?.act({ type: "leave" }),
  };
  const LIVING = Object.keys(HAPPENS) as Living[];
  const NOT_TO_IT = LIVING.filter((happening) => !happening.includes("to it"));

  /** Causes every event. Returns what the member received, and what the table expects for these capabilities. */
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
    return { found, expected: observationsFor(held, happenings) };
  }

  it.each(WAYS_IN)(
    "[D6 A7 M3 T1 G12] a member that joined over %s with %s receives only what its capabilities allow",
    async (transport, credential) => {
      await expectOfEach(MEMBERS, async (held) => {
        const room = await TestRoom.create(held, credential);
        return compareObservations(room, await room.join(transport), held);
      });
    },
  );

  it.each<Transport>(["WebSocket", "SSE"])(
    "[D6 J10 A7 G12] a viewer over %s receives the same as a member, except messages addressed to members",
    async (transport) => {
      await expectOfEach(MEMBERS, async (held) => {
        const room = await TestRoom.create(held, "a token");
        const watcher = await room.join(transport, { query: { view: "1" } });
        return compareObservations(room, watcher, held, NOT_TO_IT);
      });
    },
  );

  it.each(CHANGES)(
    "[D6 D8 G7 G12] after %s a member receives only what its capabilities allow",
    async (change) => {
      await expectOfEach(MEMBERS, async (held) => {
        const { room, member } = await TestRoom.after(change, held);
        return compareObservations(room, member, held);
      });
    },
  );
});
