import { readTokenRules } from "../auth/rules.ts";
import { TokenVerifier } from "../auth/verifier.ts";
import { ConfigError, readConfig, type Variables } from "../config/config.ts";
import type { Kinds } from "../config/kinds.ts";
import { setLogLevel } from "../metrics/log.ts";
import { defineRoomClass, type RoomClass } from "../room/room.ts";
import { createApp } from "./app.ts";
import type { Env } from "./env.ts";

export { refuse, type HookMember, type KindHooks, type RoomHandle } from "../config/hooks.ts";
export { defineKind } from "../config/kinds.ts";

/** A server of rooms: the Worker's handler, and the class to export for the binding `ROOM`. */
export interface Parlor {
  readonly handler: { fetch(request: Request): Response | Promise<Response> };
  readonly Room: RoomClass;
}

/**
 * Makes a server of rooms. Call it once, at the top of a Worker: with a configuration that cannot be served it does not
 * start at all.
 *
 * @param options `kinds`: the kinds of rooms; `env`: the Worker's bindings, of which `ROOM` is the namespace of the class
 * it exports as `Room`, `JOINS_PER_ADDRESS` a rate limit if it is there, and variables are options
 * @throws ConfigError naming everything that is wrong with the variables or the kinds
 */
export function createParlor(options: { readonly kinds: Kinds; readonly env: object }): Parlor {
  const env = options.env as Env & Variables;
  const config = readConfig(env, options.kinds);
  if (typeof env.ROOM?.getByName !== "function") {
    throw new ConfigError([
      "ROOM is not bound to the class Room (wrangler.toml, [[durable_objects.bindings]])",
    ]);
  }
  const { rules, problems } = readTokenRules(config.server);
  if (problems.length > 0) throw new ConfigError(problems);
  const verifier = new TokenVerifier(rules);
  setLogLevel(config.server.logLevel);
  const app = createApp(config, env, verifier);
  return { handler: { fetch: (request) => app.fetch(request) }, Room: defineRoomClass(config, verifier) };
}
