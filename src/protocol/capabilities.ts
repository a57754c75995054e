import type { WireError } from "./errors.ts";

/** What a member may do in a room, and see of it. A token grants some of them for rooms of certain names. */
export const CAPABILITIES = {
  join: "join the room, or watch it",
  publish: "publish any event; `publish:chat` only that one, `publish:cursor.*` those that begin so",
  presence: "say something of itself",
  history: "read what was recorded before: resume, rewind, history",
  state: "see and change the shared state",
  members: "see who is here; without it, only how many",
  moderate: "remove and silence others",
} as const;

/** The name of a capability. */
export type Capability = keyof typeof CAPABILITIES;

/** A capability as a token writes it: its name, or `publish:` and an event, or how events begin and `*`. */
export type Grant = Capability | `publish:${string}`;

/** Whether a text is a capability as a token writes it. */
export function isGrant(text: string): text is Grant {
  return Object.hasOwn(CAPABILITIES, text) || /^publish:.{1,64}$/.test(text);
}

/**
 * The maximum characters of the capabilities of one connection, joined by commas. They are attached to its socket, with
 * everything else that must survive a hibernation (room/connections/attachment.ts).
 */
export const MAX_GRANTS_CHARS = 1_024;

/** How many characters capabilities have, as {@link MAX_GRANTS_CHARS} counts. */
export function grantsLength(grants: readonly string[]): number {
  return grants.reduce((chars, grant) => chars + grant.length + 1, -1);
}

/** Everything but `moderate`: what an anonymous member of an open room may do. */
export const OPEN_GRANTS: readonly Grant[] = ["join", "publish", "presence", "history", "state", "members"];

/** What one connection may do. Made from its grants once, asked for every act. */
export class Rights {
  readonly #capabilities: ReadonlySet<string>;
  readonly #events: readonly string[];

  /** @param grants `undefined` for what {@link OPEN_GRANTS} allow */
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

/** The refusal of what needs a capability; `undefined` for who has it. */
export function refusalWithout(capability: Capability, rights: Rights): WireError | undefined {
  if (rights.may(capability)) return undefined;
  return { code: "forbidden", message: `this needs the capability ${capability}` };
}

const PUBLISH = "publish:";

/** Whether a name is what a pattern says: the same, or the same up to a `*` at its end. */
export function isMatch(pattern: string, name: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
