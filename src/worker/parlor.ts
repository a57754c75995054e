import { Revocations } from "../auth/revocations.ts";
import { readTokenRules } from "../auth/rules.ts";
import { readSecrets } from "../auth/secrets.ts";
import { Tickets } from "../auth/tickets.ts";
import { TokenVerifier } from "../auth/verifier.ts";
import { ConfigError, settleConfig, type Variables } from "../config/config.ts";
import type { Kinds } from "../config/kinds.ts";
import { log, setLogLevel } from "../metrics/log.ts";
import { Registry } from "../registry/registry.ts";
import type { RoomClass } from "../room/api.ts";
import { defineRoomClass } from "../room/room.ts";
import { createAdmin } from "./routes/admin.ts";
import { createApp } from "./app.ts";
import { bindingProblems } from "./startup/bindings.ts";
import { configWarnings } from "./startup/config-warnings.ts";
import type { Env } from "./env.ts";
import { Rooms } from "./rooms/rooms.ts";

export { ConfigError } from "../config/config.ts";
export {
  refuse,
  type HookChange,
  type HookJoin,
  type HookMember,
  type HookMessage,
  type KindHooks,
  type Refusal,
  type RoomHandle,
} from "../config/hooks.ts";
export {
  defineKind,
  type Jurisdiction,
  type KindDefinition,
  type Kinds,
  type LocationHint,
} from "../config/kinds.ts";
export type { AppSchemas } from "../protocol/app-schemas.ts";
export type { AppTypes } from "../protocol/app-types.ts";
export type { Json } from "../protocol/json.ts";

/** A room server: the Worker's handler, and the classes to export for the bindings `ROOM` and `REGISTRY`. */
export interface Parlor {
  readonly handler: {
    /** @param execution aborts the requests of readers that have stopped reading; without it they stay in memory */
    fetch(request: Request, env?: unknown, execution?: ExecutionContext): Response | Promise<Response>;
  };
  readonly Room: RoomClass;
  readonly Registry: typeof Registry;
}

/**
 * Creates a room server. Call it once, at the top level of a Worker, so that the Worker does not start with an invalid
 * configuration.
 *
 * @param options `kinds`: the kinds of rooms. `env`: the Worker's bindings. `ROOM` is the namespace of the exported class
 *   `Room`. `REGISTRY` is the namespace of `Registry`, and is required if ADMIN_KEYS is set. `JOINS_PER_ADDRESS` and
 *   `REQUESTS_PER_ADDRESS` are optional rate limits. All other values are options
 * @throws ConfigError that names every problem with the variables, the bindings and the kinds
 */
export function createParlor(options: { readonly kinds: Kinds; readonly env: object }): Parlor {
  const env = options.env as Env & Variables;
  const { config, problems } = settleConfig(env, options.kinds);
  const { rules, problems: ofTokens } = readTokenRules(config.server);
  const { secrets: adminKeys, problems: ofKeys } = readSecrets("ADMIN_KEYS", config.server.adminKeys, "prl_");
  const ofBindings = bindingProblems(env, { hasAdminKeys: adminKeys.length > 0 });
  const found = [...problems, ...ofTokens, ...ofKeys, ...ofBindings];
  if (found.length > 0) throw new ConfigError(found);
  const verifier = new TokenVerifier(rules, () => Date.now());
  const { REGISTRY: namespace } = env;
  const registry =
    adminKeys.length === 0 || namespace === undefined ? undefined : () => namespace.getByName(REGISTRY_NAME);
  const revocations = new Revocations(registry, () => Date.now());
  const tickets = new Tickets(rules.secrets, config.server.ticketUseMs);
  setLogLevel(config.server.logLevel);
  for (const problem of configWarnings(config, rules)) log("config_doubtful", { problem });
  const rooms = new Rooms(env.ROOM, config.server.fallbackLocation);
  const app = createApp(config, env, rooms, { verifier, revocations, tickets });
  if (registry !== undefined) app.route("/admin", createAdmin({ config, adminKeys, rooms, registry }));
  return {
    handler: { fetch: (request, _env, execution) => app.fetch(request, { execution }, execution) },
    Room: defineRoomClass(config, { verifier, revocations }),
    Registry,
  };
}

/** The name of the only object of the class `Registry`. */
const REGISTRY_NAME = "registry";
