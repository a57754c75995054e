import { Hono } from "hono";
import { cors } from "hono/cors";
import { getPath } from "hono/utils/url";

import type { Config } from "../config/config.ts";
import { log } from "../metrics/log.ts";
import { defined } from "../protocol/defined.ts";
import { errorResponse } from "../transports/upstream.ts";
import { isUpgrade } from "../transports/websocket.ts";
import { AddressLimit } from "./admission/address-limit.ts";
import { Authenticator, type TokenChecks } from "./admission/authentication.ts";
import { Callers } from "./admission/callers.ts";
import { NewRooms } from "./admission/new-rooms.ts";
import { Origins } from "./admission/origins.ts";
import { withoutSpareSlashes } from "./admission/paths.ts";
import { StreamLimit } from "./admission/stream-limit.ts";
import type { Env } from "./env.ts";
import type { Rooms } from "./rooms/rooms.ts";
import { actRoutes } from "./routes/acts.ts";
import { healthRoutes } from "./routes/health.ts";
import { joinRoutes } from "./routes/joins.ts";
import { readRoutes } from "./routes/reads.ts";
import { refuse, refuseReadably } from "./routes/refusals.ts";
import type { RouteEnv } from "./routes/shared.ts";
import { ticketRoutes } from "./routes/tickets.ts";

/** Makes the Worker's app: its middleware, and the routes of `routes/`. */
export function createApp(config: Config, env: Env, rooms: Rooms, tokenChecks: TokenChecks): Hono<RouteEnv> {
  const origins = new Origins(config.server.allowedOrigins);
  const callers = new Callers(config, new Authenticator(tokenChecks), origins);
  const isLimited = config.server.addressLimits === "on";
  const limits = {
    joinsPerAddress: isLimited ? new AddressLimit("joinsPerAddress", env.JOINS_PER_ADDRESS) : undefined,
    requestsPerAddress: isLimited
      ? new AddressLimit("requestsPerAddress", env.REQUESTS_PER_ADDRESS)
      : undefined,
  };
  const newRooms = isLimited ? new NewRooms(config.server.newRoomsPerDay) : undefined;
  const { sseStreamsPerSource, sseHeartbeatMs } = config.server;
  const streamLimit = isLimited ? new StreamLimit(sseStreamsPerSource, sseHeartbeatMs) : undefined;
  const app = new Hono<RouteEnv>({ getPath: (request) => withoutSpareSlashes(getPath(request)) });

  // The headers of an upgrade's response cannot be changed, so it is passed through unchanged. A preflight allows all headers
  // that it asks for, because tracing agents add some to every request of a page.
  const crossOrigin = cors({
    origin: (origin) => origins.shared(origin),
    allowMethods: ["GET", "POST"],
    exposeHeaders: ["Retry-After"],
    maxAge: 86_400,
  });
  app.use((c, next) => (isUpgrade(c.req.raw) ? next() : crossOrigin(c, next)));

  // Every request counts before its route is chosen, even if it matches no route. Only preflights do not count: they are
  // answered above without any lookup, and do not show which user sends them.
  app.use(async (c, next) => {
    const caller = await callers.identify(c.req.raw, c.req.path);
    const crowded = await limits[caller.limit]?.refusal(caller.source);
    if (crowded !== undefined) return refuse(c.req.raw, crowded, config.server.sseRetryMs);
    c.set("caller", caller);
    return next();
  });

  const shared = { server: config.server, rooms, newRooms };
  // A request to /rooms/:room joins if it is an upgrade, and reads otherwise. So the joins come first.
  app.route("/", healthRoutes(rooms));
  app.route("/", joinRoutes(shared, defined({ streamLimit, joinsPerAddress: limits.joinsPerAddress })));
  app.route("/", actRoutes(shared));
  app.route("/", ticketRoutes(tokenChecks.tickets));
  app.route("/", readRoutes(shared));
  for (const path of pathsOf(app)) app.all(path, () => errorResponse({ code: "method_not_allowed" }));
  app.notFound(() => errorResponse({ code: "not_found" }));
  app.onError((error, c) => {
    log("request_failed", { reason: String(error), stack: error.stack });
    return refuseReadably(c.req.raw, { code: "internal" }, config.server.sseRetryMs);
  });
  return app;
}

/** The paths of all routes, without the middleware's. */
function pathsOf(app: Hono<RouteEnv>): ReadonlySet<string> {
  return new Set(app.routes.filter(({ method }) => method !== "ALL").map(({ path }) => path));
}
