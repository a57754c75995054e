import { describe, expect, it } from "vitest";
import { serveKinds as to } from "../support/kinds.ts";
import { uniqueRoom } from "../support/rooms.ts";
import { join, rejoin, type WebSocketMember } from "../support/websocket.ts";

const MEMBERS = 10;

/** A full `messagesBurst`. The room pauses several times while it reads so many frames. */
const BURST = 120;

async function roomOf(members: number): Promise<{ room: string; all: WebSocketMember[] }> {
  const room = uniqueRoom("roomy");
  const all: WebSocketMember[] = [];
  for (let n = 0; n < members; n++) all.push(await join(room, { to }));
  return { room, all };
}

function sendBurst(member: WebSocketMember, count: number): void {
  for (let ref = 1; ref <= count; ref++) member.send({ type: "publish", ref, event: "burst", data: ref });
}

/** The data of the messages that a member has received, in order. */
function received({ inbox }: WebSocketMember): unknown[] {
  return inbox.messages.map(({ data }) => data);
}

const REFS = Array.from({ length: BURST }, (_, index) => index + 1);

describe("a burst of one member that makes the room pause", () => {
  it("[G1 G2 G10] a burst that makes the room pause is stored whole and in order, with another member's message between", async () => {
    const { all } = await roomOf(MEMBERS);
    const [ana, ben, eve] = all as [WebSocketMember, WebSocketMember, WebSocketMember];

    sendBurst(ana, BURST);
    ben.send({ type: "publish", event: "e", data: "ben" });
    await eve.inbox.until(() => received(eve).length === BURST + 1);

    expect(received(eve).filter((data) => data !== "ben")).toEqual(REFS);
    await ana.inbox.until(({ all: frames }) => frames.filter(({ type }) => type === "ack").length === BURST);
  });

  it("[G2 G10] a burst that makes the room pause is stored whole if its sender closes the connection right after it", async () => {
    const { all } = await roomOf(MEMBERS);
    const [ana, eve] = all as [WebSocketMember, WebSocketMember];

    sendBurst(ana, BURST);
    ana.close(1000);
    await eve.inbox.until(() => received(eve).length === BURST);

    expect(received(eve)).toEqual(REFS);
  });

  it("[G3 G10] a burst that makes the room pause is stored once if its sender reconnects and repeats it", async () => {
    const { room, all } = await roomOf(MEMBERS);
    const [ana, eve] = all as [WebSocketMember, WebSocketMember];

    sendBurst(ana, BURST);
    const again = await rejoin(room, ana, { to });
    sendBurst(again, BURST);
    await again.inbox.until(
      ({ all: frames }) => frames.filter(({ type }) => type === "ack").length === BURST,
    );

    expect(received(eve)).toEqual(REFS);
  });
});
