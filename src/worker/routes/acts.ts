import { Hono } from "hono";

import { contractVersionOf } from "../../protocol/contract.ts";
import { defined } from "../../protocol/defined.ts";
import type { ActRequest } from "../../room/api.ts";
import {
  SESSION_HEADER,
  answerActs,
  errorResponse,
  readBody,
  readSession,
} from "../../transports/upstream.ts";
import { identify, readRequestName, sourceIn } from "../admission/admission.ts";
import { callRoom } from "../rooms/rooms.ts";
import type { RouteEnv, Shared } from "./shared.ts";

/** Makes the route for acts that are sent by POST. */
export function actRoutes({ rooms, newRooms }: Shared): Hono<RouteEnv> {
  const app = new Hono<RouteEnv>();

  app.post("/rooms/:room/messages", async (c) => {
    const { raw } = c.req;
    const { roomRequest, address, source } = c.get("caller");
    if (!roomRequest.ok) return errorResponse(roomRequest.error);
    const { reference, principal } = roomRequest.value;
    const header = readSession(raw.headers.get(SESSION_HEADER));
    if (!header.ok) return errorResponse(header.error);
    const { session, key, attempt } = header.value;
    const identity = await identify(reference, principal.user, session, key);
    if (!identity.ok) return errorResponse(identity.error);
    const body = await readBody(raw, reference.kind.maxFrameBytes);
    if (!body.ok) return errorResponse(body.error);
    const name = await readRequestName(identity.value, raw.headers.get("Idempotency-Key"));
    if (!name.ok) return errorResponse(name.error);
    const request: ActRequest = defined({
      ...{ v: contractVersionOf(), session, ...identity.value, body: body.value, access: principal.access },
      ...(await sourceIn(reference.room, principal.user, address)),
      request: name.value,
      attempt,
    });
    // An act without a ref is not deduplicated, so only the client may retry it.
    const outcome = await callRoom(() => rooms.forCall(reference.room, reference.kind).act(request), {
      mayRepeat: false,
    });
    if (!outcome.ok) return errorResponse(outcome.error);
    newRooms?.touched(source, reference.room, outcome.value.isNew === true, Date.now());
    return answerActs(outcome.value, /^\s*\[/.test(body.value));
  });

  return app;
}
