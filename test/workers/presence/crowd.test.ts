import { describe, expect, it } from "vitest";
import { CALM, LIST_MAX, countFrame, leave, listed, roomOf, told } from "../support/crowd.ts";
import { serveKinds } from "../support/kinds.ts";
import { follow, presenceOf, rosterOf } from "../support/rosters.ts";
import { joinSse } from "../support/sse.ts";
import { join, type WebSocketMember } from "../support/websocket.ts";

const to = serveKinds;

describe("a room of more than presenceListMax members", () => {
  it("[M6 M3] the first member above presenceListMax switches everyone to counts, including itself", async () => {
    const { room, members } = await roomOf(LIST_MAX);
    const [ana] = members as [WebSocketMember];
    expect(await told(ana, LIST_MAX)).toMatchObject({ joined: [{}] });

    const last = await join(room, { to });

    for (const { inbox } of members) {
      expect(await inbox.take("presence", ({ mode }) => mode === "count")).toEqual(countFrame(LIST_MAX + 1));
    }
    expect(await last.welcome()).toMatchObject({ mode: "count", count: LIST_MAX + 1, roster: rosterOf(ana) });
    expect(await last.welcome()).not.toHaveProperty("members");
    expect(follow(ana.inbox.all)).toEqual({ list: undefined, count: LIST_MAX + 1 });
    expect(ana.inbox.texts.join()).not.toContain(last.member);
  });

  it("[M6 M3 G12] above presenceListMax only changes of the count are sent: no joins, updates or leaves", async () => {
    const { room, members } = await roomOf(LIST_MAX + 1);
    const ana = members[0] as WebSocketMember;
    await told(ana, LIST_MAX + 1);
    const before = presenceOf(ana).length;

    const late = await joinSse(room, { to, presence: "secret" });
    await (members[1] as WebSocketMember).setPresence("secret");
    await leave(members[2] as WebSocketMember);
    await ana.publish("mark", 1);

    expect(presenceOf(ana).slice(before)).toEqual([countFrame(LIST_MAX + 2), countFrame(LIST_MAX + 1)]);
    expect(ana.inbox.texts.join()).not.toContain("secret");
    expect(ana.inbox.texts.join()).not.toContain(late.member);
  });

  it("[M6] the list returns, for everyone, when the room shrinks to four fifths of presenceListMax", async () => {
    const { room, members } = await roomOf(LIST_MAX + 1);
    const [ana, bob] = members as [WebSocketMember, WebSocketMember];
    const cem = await joinSse(room, { to });
    await bob.setPresence("changed meanwhile");
    for (const member of members.slice(3)) await leave(member);

    const list = await listed(ana);
    expect(presenceOf(ana).at(-2)).toEqual(countFrame(CALM + 1));
    expect(list).toEqual({
      type: "presence",
      mode: "list",
      roster: expect.any(String) as string,
      count: CALM,
      members: expect.arrayContaining([
        { id: ana.member, data: "first" },
        { id: bob.member, data: "changed meanwhile" },
        { id: (members[2] as WebSocketMember).member },
        { id: cem.member },
      ]) as unknown,
    });
    expect(list.members).toHaveLength(CALM);
    for (const member of [bob, cem]) expect(await listed(member)).toEqual(list);
  });

  it("[M6] after the list has returned, changes are announced one by one again", async () => {
    const { room, members } = await roomOf(LIST_MAX + 1);
    const ana = members[0] as WebSocketMember;
    await leave(members[1] as WebSocketMember);
    await leave(members[2] as WebSocketMember);
    await listed(ana);

    const late = await join(room, { to });
    await leave(members[3] as WebSocketMember);
    await ana.publish("mark", 1);

    expect(await late.welcome()).toMatchObject({ mode: "list", members: expect.any(Array) as unknown });
    expect(presenceOf(ana).slice(-2)).toMatchObject([
      { joined: [{ id: late.member }], count: CALM + 1 },
      { left: [{ id: members[3]?.member }], count: CALM },
    ]);
  });

  it("[M6] a room does not switch back and forth at either limit", async () => {
    const { room, members } = await roomOf(LIST_MAX);
    const ana = members[0] as WebSocketMember;
    const turn = async (): Promise<void> => leave(await join(room, { to }));
    for (let n = 0; n < 3; n++) await turn(); // 5, 6, 5 …
    await leave(members[1] as WebSocketMember); // 4
    for (let n = 0; n < 3; n++) await turn(); // 4, 5, 4 …
    await ana.publish("mark", 1);

    const modes = presenceOf(ana).map(({ mode }) => mode ?? "changes");
    expect(modes.filter((mode, index) => mode !== modes[index - 1])).toEqual([
      "changes",
      "count",
      "list",
      "changes",
    ]);
  });

  it("[M6 M3] members that asked for counts notice no difference above presenceListMax", async () => {
    const { room, members } = await roomOf(LIST_MAX - 1);
    const ana = await join(room, { to, query: { mode: "count" } });
    const last = await join(room, { to }); // 6
    for (const member of members.slice(0, 2)) await leave(member); // 4
    await last.publish("mark", 1);
    await ana.inbox.take("message");

    expect(presenceOf(ana)).toEqual([LIST_MAX + 1, LIST_MAX, CALM].map(countFrame));
  });

  it("[M6 J10] view-only clients do not count for presenceListMax, and receive what members receive", async () => {
    const { room, members } = await roomOf(LIST_MAX);
    const eves = [
      await join(room, { to, query: { view: "1" } }),
      await join(room, { to, query: { view: "1" } }),
    ];
    const ana = members[0] as WebSocketMember;
    await ana.publish("mark", 1);
    expect(presenceOf(ana).map(({ mode }) => mode)).not.toContain("count");

    await join(room, { to });
    for (const eve of eves) expect(await told(eve, LIST_MAX + 1)).toEqual(countFrame(LIST_MAX + 1));
    await leave(members[1] as WebSocketMember);
    await leave(members[2] as WebSocketMember);

    for (const eve of eves) expect(await listed(eve)).toMatchObject({ count: CALM });
  });
});
