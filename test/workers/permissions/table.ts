/**
 * Who may do what, and who is told what: the rules of PROTOCOL.md, section 10, as one table. It is written from the
 * rules, not from the code; permissions.test.ts and observations.test.ts hold the server to each row of it.
 *
 * A need is a capability, or `not` and one; `publish:chat` is the leave to publish that event. Without a need a row is for
 * everyone who is in the room.
 */
export type Need = string;

/** What an act needs, and what everyone else hears of it. */
interface ActRow {
  readonly needs: readonly Need[];
  readonly heard: readonly string[];
}

/** Joining (D5, D6, J7, J10). Who may not is refused before a room is touched. */
export const JOINS = {
  join: { needs: ["join"], heard: ["who joined"] },
  "join, saying something of oneself": { needs: ["join", "presence"], heard: ["who joined"] },
  "join to watch": { needs: ["join"], heard: [] },
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
  "publish chat": { needs: ["publish:chat"], heard: ["a message"] },
  "publish chat to some": { needs: ["publish:chat"], heard: ["a message to some"] },
  "publish chat, volatile": { needs: ["publish:chat"], heard: ["a volatile message"] },
  "publish chat to some, volatile": { needs: ["publish:chat"], heard: ["a volatile message to some"] },
  "publish chatter": { needs: ["publish:chatter"], heard: ["a message"] },
  "publish cursor": { needs: ["publish:cursor"], heard: ["a message"] },
  "publish cursor.move": { needs: ["publish:cursor.move"], heard: ["a message"] },
  "publish cursor.move, volatile": { needs: ["publish:cursor.move"], heard: ["a volatile message"] },
  set: { needs: ["state"], heard: ["a change of the state"] },
  "set own": { needs: ["state"], heard: ["a change of the state"] },
  delete: { needs: ["state"], heard: ["a change of the state"] },
  presence: { needs: ["presence"], heard: ["who changed"] },
  history: { needs: ["history"], heard: [] },
  seen: { needs: [], heard: [] },
  auth: { needs: [], heard: [] },
  leave: { needs: [], heard: ["who left"] },
} as const satisfies Record<string, ActRow>;

/** What a member is sent when something happens: each sight, and what it needs to see it (D6, W3, W4, T4, M3, A7). */
export const OBSERVATIONS = {
  "it joins": {
    "a welcome": [],
    "the list of members": ["members"],
    "mode list": ["members"],
    "mode count": ["not members"],
    "the state": ["state"],
  },
  "it comes back with a position": {
    "a welcome": [],
    "the list of members": ["members"],
    "mode list": ["members"],
    "mode count": ["not members"],
    "the state": ["state", "not history"],
    recovered: ["history"],
    "not recovered: forbidden": ["not history"],
    "a message": ["history"],
    "a change of the state": ["history", "state"],
    "position: replayed": ["history"],
  },
  "it comes back with a position, and asks for the state": {
    "a welcome": [],
    "the list of members": ["members"],
    "mode list": ["members"],
    "mode count": ["not members"],
    "the state": ["state"],
    recovered: ["history"],
    "not recovered: forbidden": ["not history"],
    "a message": ["history"],
    "a change of the state": ["history", "state"],
    "position: replayed": ["history"],
  },
  "it comes back with the list it knows": {
    "a welcome": [],
    "mode list": ["members"],
    "mode count": ["not members"],
    "the state": ["state"],
  },
  "it rewinds": {
    "a welcome": [],
    "the list of members": ["members"],
    "mode list": ["members"],
    "mode count": ["not members"],
    "the state": ["state"],
    "a message": ["history"],
    "a change of the state": ["history", "state"],
    "position: replayed": ["history"],
  },
  "someone publishes": { "a message": [] },
  "someone publishes, volatile": { "a volatile message": [] },
  "someone publishes to it": { "a message to some": [] },
  "someone publishes to it, volatile": { "a volatile message to some": [] },
  "someone publishes to others": {},
  "someone publishes to others, volatile": {},
  "someone sets": { "a change of the state": ["state"] },
  "someone deletes": { "a change of the state": ["state"] },
  "someone joins": { "who joined": ["members"], "how many are here": ["not members"] },
  "someone sets a key of its own": { "a change of the state": ["state"] },
  "someone says something of itself": { "who changed": ["members"] },
  "someone leaves, and its keys with it": {
    "a change of the state": ["state"],
    "who left": ["members"],
    "how many are here": ["not members"],
  },
} as const satisfies Record<string, Readonly<Record<string, readonly Need[]>>>;

/** A token needs this for anything at all (D5); who has none needs it to join. */
export const FOR_ANYTHING: Need = "join";

const CAPABILITIES = ["publish", "presence", "history", "state", "members", "moderate"] as const;

/** All there is to hold. */
export const EVERYTHING: readonly string[] = ["join", ...CAPABILITIES];

/** Those who ask, by what they hold: nothing, each capability alone, all, all but one, and leave to publish some events. */
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

/** Those of them who may be in the room. */
export const MEMBERS = HOLDERS.filter((held) => meets(held, ["join"]));

/** Whether who holds this has what is needed. */
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

/** What one is, for a title. */
export function nameOf(held: readonly string[]): string {
  const missing = EVERYTHING.filter((one) => !held.includes(one));
  if (missing.length === 0) return "everything";
  if (missing.length === 1) return `everything but ${missing.join()}`;
  return held.join(" and ") || "nothing";
}
