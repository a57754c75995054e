import type { WireError } from "./errors.ts";

/** What a member may do and read in a room. A token grants some of these for rooms with certain names. */
export const CAPABILITIES = {
  join: "join or watch the room",
  publish: "publish any event; `publish:chat` only that event, `publish:cursor.*` events with that prefix",
  presence: "set its presence data",
  history: "read earlier messages: resume, rewind, history, kept volatile messages",
  state: "read and change the shared state",
  members: "receive the list of members; without it, only their number",
  moderate: "reserved for removing and muting members; no act needs it yet",
} as const;

/** The name of a capability. */
export type Capability = keyof typeof CAPABILITIES;

/** A capability as a token writes it: its name, or `publish:` and an event, or `publish:` and a prefix with `*`. */
export type Grant = Capability | `publish:${string}`;

/** Whether a text is a capability as a token writes it. */
export function isGrant(text: string): text is Grant {
  return Object.hasOwn(CAPABILITIES, text) || /^publish:.{1,64}$/.test(text);
}

/**
 * The maximum characters of the capabilities of one connection, joined by commas. They are stored in the attachment of its
 * socket, with everything else that must survive hibernation.
 */
export const MAX_GRANTS_CHARS = 1_024;

/** How many characters capabilities have, as {@link MAX_GRANTS_CHARS} counts. */
export function grantsLength(grants: readonly string[]): number {
  return grants.reduce((chars, grant) => chars + grant.length + 1, -1);
}

/** The capabilities of an anonymous member of an open room: all except `moderate`. */
export const OPEN_GRANTS: readonly Grant[] = ["join", "publish", "presence", "history", "state", "members"];

/** What one connection may do. Built from its grants when it joins, and checked for every act. */
export class Rights {
  readonly #capabilities: ReadonlySet<string>;
  readonly #events: readonly string[];

  /** @param grants {@link OPEN_GRANTS} if `undefined` */
  constructor(grants: readonly Grant[] = OPEN_GRANTS) {
    this.#capabilities = new Set(grants);
    this.#events = grants
      .filter((grant) => grant.startsWith(PUBLISH))
      .map((grant) => grant.slice(PUBLISH.length));
  }

  may(capability: Capability): boolean {
    return this.#capabilities.has(capability);
  }

  mayPublish(event: string): boolean {
    return this.may("publish") || this.#events.some((pattern) => isMatch(pattern, event));
  }
}

/** The error for an act that needs a missing capability; `undefined` if the connection has it. */
export function refusalWithout(capability: Capability, rights: Rights): WireError | undefined {
  if (rights.may(capability)) return undefined;
  return {
    code: "forbidden",
    message: `this needs the capability "${capability}", which the session does not have`,
  };
}

const PUBLISH = "publish:";

/** Whether a name matches a pattern: the same text, or the same prefix if the pattern ends in `*`. */
export function isMatch(pattern: string, name: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
