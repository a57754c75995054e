import { expect } from "vitest";
import type { PresenceFrame } from "../../../src/protocol/frames.ts";
import type { Member } from "../../support/member.ts";
import { serveKinds } from "./kinds.ts";
import { uniqueRoom } from "./rooms.ts";
import { TEST_KINDS } from "./test-kinds.ts";
import { join, type WebSocketMember } from "./websocket.ts";

/** The maximum number of members that a `small` room lists. */
export const LIST_MAX = TEST_KINDS.small.presenceListMax;

/** The list returns when the room shrinks to this number of members: four fifths. */
export const CALM = 4;

/** A `small` room with this many members. The first one has presence data. */
export async function roomOf(count: number): Promise<{ room: string; members: WebSocketMember[] }> {
  const room = uniqueRoom("small");
  const members = [await join(room, { to: serveKinds, presence: "first" })];
  while (members.length < count) members.push(await join(room, { to: serveKinds }));
  return { room, members };
}

/** Lets a member leave. Resolves once the connection is closed. */
export async function leave(member: WebSocketMember): Promise<void> {
  member.send({ type: "leave" });
  await member.closed;
}

/** Resolves once a member has received this count, with the frame that contained it. */
export function told({ inbox }: Pick<Member, "inbox">, count: number): Promise<PresenceFrame> {
  return inbox.take("presence", (frame) => frame.count === count);
}

/** Resolves once a member has received the list again, with the frame that contained it. */
export function listed({ inbox }: Pick<Member, "inbox">): Promise<PresenceFrame> {
  return inbox.take("presence", ({ mode }) => mode === "list");
}

/** A presence frame with only a count. */
export function countFrame(count: number): object {
  return { type: "presence", mode: "count", roster: expect.any(String) as string, count };
}
