import { expect } from "vitest";
import type { PresenceFrame } from "../../../src/protocol/frames.ts";
import type { Member } from "../../support/member.ts";
import { serveKinds } from "./kinds.ts";
import { uniqueRoom } from "./rooms.ts";
import { TEST_KINDS } from "./test-kinds.ts";
import { join, type WebSocketMember } from "./websocket.ts";

/** The most members that a room of the kind `small` lists. */
export const LIST_MAX = TEST_KINDS.small.presenceListMax;

/** So many left bring the list back: four fifths. */
export const CALM = 4;

/** A room of the kind `small` with so many members, the first with presence data. */
export async function roomOf(count: number): Promise<{ room: string; members: WebSocketMember[] }> {
  const room = uniqueRoom("small");
  const members = [await join(room, { to: serveKinds, presence: "first" })];
  while (members.length < count) members.push(await join(room, { to: serveKinds }));
  return { room, members };
}

/** Leaves; resolves once the connection is closed. */
export async function leave(member: WebSocketMember): Promise<void> {
  member.send({ type: "leave" });
  await member.closed;
}

/** Resolves once a member was told of so many members, and returns the frame that told it. */
export function told({ inbox }: Pick<Member, "inbox">, count: number): Promise<PresenceFrame> {
  return inbox.take("presence", (frame) => frame.count === count);
}

/** Resolves once a member is listed everyone again, and returns the frame that did. */
export function listed({ inbox }: Pick<Member, "inbox">): Promise<PresenceFrame> {
  return inbox.take("presence", ({ mode }) => mode === "list");
}

/** A presence frame that tells only a number. */
export function countFrame(count: number): object {
  return { type: "presence", mode: "count", roster: expect.any(String) as string, count };
}
