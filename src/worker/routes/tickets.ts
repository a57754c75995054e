import { Hono } from "hono";

import type { Tickets } from "../../auth/tickets.ts";
import { Rights, refusalWithout } from "../../protocol/capabilities.ts";
import { errorResponse } from "../../transports/upstream.ts";
import type { RouteEnv } from "./shared.ts";

/** Makes the route that issues a ticket in exchange for a token. */
export function ticketRoutes(tickets: Tickets): Hono<RouteEnv> {
  const app = new Hono<RouteEnv>();

  app.post("/rooms/:room/ticket", async (c) => {
    const { roomRequest } = c.get("caller");
    if (!roomRequest.ok) return errorResponse(roomRequest.error);
    const { reference, principal } = roomRequest.value;
    const { user, access } = principal;
    if (user === "")
      return errorResponse({
        code: "token_missing",
        message: "a ticket request needs a token: send Authorization: Bearer <token>",
      });
    const refusal = refusalWithout("join", new Rights(access.grants));
    if (refusal !== undefined) return errorResponse(refusal);
    const issued = await tickets.issue(reference.room, user, access, Date.now());
    return issued.ok
      ? c.json(issued.value, { headers: { "Cache-Control": "no-store" } })
      : errorResponse(issued.error);
  });

  return app;
}
