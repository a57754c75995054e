import { Hono } from "hono";

import { PROTOCOL_VERSION } from "../../protocol/version.ts";
import { errorResponse } from "../../transports/upstream.ts";
import { callRoom, type Rooms } from "../rooms/rooms.ts";
import { withTimeout } from "../timeout.ts";
import type { RouteEnv } from "./shared.ts";

/** How long a probe waits for an object, in milliseconds. */
const READY_TIMEOUT_MS = 5_000;

/** Makes the routes for probes: whether the Worker answers, and whether it reaches Durable Objects. */
export function healthRoutes(rooms: Rooms): Hono<RouteEnv> {
  const app = new Hono<RouteEnv>();

  app.get("/healthz", (c) => c.json({ status: "ok", protocol: PROTOCOL_VERSION }));

  app.get("/readyz", async (c) => {
    const answered = await callRoom(() => withTimeout(READY_TIMEOUT_MS, rooms.probe().ready()), {
      mayRepeat: true,
    });
    return answered.ok ? c.json({ status: "ready" }) : errorResponse(answered.error);
  });

  return app;
}
