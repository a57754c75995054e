/**
 * Which capability allows what, and who observes it: the rules of PROTOCOL.md, section 10, as one table. It is written from
 * the rules, not from the code. permissions.test.ts and observations.test.ts check the server against every row.
 *
 * A need is a capability, or `not` and a capability. `publish:chat` allows publishing that event. A row without needs applies
 * to everyone in the room.
 */
export type Need = string;

/** The capabilities that an act needs, and what the other members observe. */
interface ActRow {
  readonly needs: readonly Need[];
  readonly observed: readonly string[];
}

/** Joining (D5, D6, J7, J10). A client that is not allowed to join is rejected before a room is reached. */
export const JOINS = {
  join: { needs: ["join"], observed: ["a join"] },
  "join with presence data": { needs: ["join", "presence"], observed: ["a join"] },
  "join as a viewer": { needs: ["join"], observed: [] },
} as const satisfies Record<string, ActRow>;

/** Reading over HTTP (D6, H5, H6, H7, N3). */
export const READS = {
  "GET /rooms/{room}": ["join"],
  "GET /rooms/{room}/history": ["history"],
  "GET /rooms/{room}/members": ["members"],
  "GET /rooms/{room}/state": ["state"],
} as const satisfies Record<string, readonly Need[]>;

/** Acting, over a socket and by POST (D6). */
export const ACTS = {
  "publish chat": { needs: ["publish:chat"], observed: ["a message"] },
  "publish chat to some members": { needs: ["publish:chat"], observed: ["a message to some members"] },
  "publish chat, volatile": { needs: ["publish:chat"], observed: ["a volatile message"] },
  "publish chat to some members, volatile": {
    needs: ["publish:chat"],
    observed: ["a volatile message to some members"],
  },
  "publish chatter": { needs: ["publish:chatter"], observed: ["a message"] },
  "publish cursor": { needs: ["publish:cursor"], observed: ["a message"] },
  "publish cursor.move": { needs: ["publish:cursor.move"], observed: ["a message"] },
  "publish cursor.move, volatile": { needs: ["publish:cursor.move"], observed: ["a volatile message"] },
  set: { needs: ["state"], observed: ["a state change"] },
  "set own": { needs: ["state"], observed: ["a state change"] },
  delete: { needs: ["state"], observed: ["a state change"] },
  presence: { needs: ["presence"], observed: ["a presence change"] },
  history: { needs: ["history"], observed: [] },
  seen: { needs: [], observed: [] },
  auth: { needs: [], observed: [] },
  leave: { needs: [], observed: ["a leave"] },
} as const satisfies Record<string, ActRow>;

/** What a member receives for each event: every observation and the capabilities that it needs (D6, W3, W4, T4, M3, A7). */
export const OBSERVATIONS = {
  "it joins": {
    "a welcome": [],
    "the member list": ["members"],
    "mode list": ["members"],
    "mode count": ["not members"],
    "the state": ["state"],
  },
  "it rejoins with a position": {
    "a welcome": [],
    "the member list": ["members"],
    "mode list": ["members"],
    "mode count": ["not members"],
    "the state": ["state", "not history"],
    recovered: ["history"],
    "not recovered: forbidden": ["not history"],
    "a message": ["history"],
    "a state change": ["history", "state"],
    "position: replayed": ["history"],
  },
  "it rejoins with a position and requests the state": {
    "a welcome": [],
    "the member list": ["members"],
    "mode list": ["members"],
    "mode count": ["not members"],
    "the state": ["state"],
    recovered: ["history"],
    "not recovered: forbidden": ["not history"],
    "a message": ["history"],
    "a state change": ["history", "state"],
    "position: replayed": ["history"],
  },
  "it rejoins with the member list that it knows": {
    "a welcome": [],
    "mode list": ["members"],
    "mode count": ["not members"],
    "the state": ["state"],
  },
  "it rewinds": {
    "a welcome": [],
    "the member list": ["members"],
    "mode list": ["members"],
    "mode count": ["not members"],
    "the state": ["state"],
    "a message": ["history"],
    "a state change": ["history", "state"],
    "position: replayed": ["history"],
  },
  "someone publishes": { "a message": [] },
  "someone publishes, volatile": { "a volatile message": [] },
  "someone publishes to it": { "a message to some members": [] },
  "someone publishes to it, volatile": { "a volatile message to some members": [] },
  "someone publishes to others": {},
  "someone publishes to others, volatile": {},
  "someone sets": { "a state change": ["state"] },
  "someone deletes": { "a state change": ["state"] },
  "someone joins": { "a join": ["members"], "the member count": ["not members"] },
  "someone sets a key that it owns": { "a state change": ["state"] },
  "someone sets presence data": { "a presence change": ["members"] },
  "someone leaves and its keys are deleted": {
    "a state change": ["state"],
    "a leave": ["members"],
    "the member count": ["not members"],
  },
} as const satisfies Record<string, Readonly<Record<string, readonly Need[]>>>;

/** Every use of a token needs this (D5). A client without a token needs it to join. */
export const FOR_ANYTHING: Need = "join";

const CAPABILITIES = ["publish", "presence", "history", "state", "members", "moderate"] as const;

/** All capabilities. */
export const EVERYTHING: readonly string[] = ["join", ...CAPABILITIES];

/** The tested sets of capabilities: none, each alone, all, all except one, and permission to publish some events. */
export const HOLDERS: readonly (readonly string[])[] = [
  [],
  ...EVERYTHING.map((one) => [one]),
  ...CAPABILITIES.map((one) => ["join", one]),
  EVERYTHING,
  ...EVERYTHING.map((one) => EVERYTHING.filter((other) => other !== one)),
  ["join", "publish:chat"],
  ["join", "publish:chat*"],
  ["join", "publish:cursor.*"],
  ["join", "publish:*"],
  ["join", "publish:cursor", "publish:chatter", "state"],
  ["publish:chat"],
];

/** The sets that allow a client to be in the room. */
export const MEMBERS = HOLDERS.filter((held) => meets(held, ["join"]));

/** Whether these capabilities meet the needs. */
export function meets(held: readonly string[], needs: readonly Need[]): boolean {
  return needs.every((need) =>
    need.startsWith("not ") ? !has(held, need.slice("not ".length)) : has(held, need),
  );
}

function has(held: readonly string[], need: Need): boolean {
  if (held.includes(need)) return true;
  if (!need.startsWith("publish:")) return false;
  const beginnings = held.filter((grant) => grant.endsWith("*")).map((grant) => grant.slice(0, -1));
  return held.includes("publish") || beginnings.some((beginning) => need.startsWith(beginning));
}

/** A name for a set of capabilities, for titles. */
export function nameOf(held: readonly string[]): string {
  const missing = EVERYTHING.filter((one) => !held.includes(one));
  if (missing.length === 0) return "everything";
  if (missing.length === 1) return `everything except ${missing.join()}`;
  return held.join(" and ") || "nothing";
}
