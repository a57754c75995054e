import { Hono } from "hono";

import { err, type Result } from "../../protocol/result.ts";
import { answerPoll, awaitAnswer, readWait } from "../../transports/long-poll.ts";
import { SseWriter } from "../../transports/sse-writer.ts";
import { CLOSED_ID, eventStream, lastEventIdOf } from "../../transports/sse.ts";
import { errorResponse } from "../../transports/upstream.ts";
import { isUpgrade } from "../../transports/websocket.ts";
import type { AddressLimit } from "../admission/address-limit.ts";
import { admit, type Joiner } from "../admission/admission.ts";
import { RefusalCache } from "../admission/refusal-cache.ts";
import type { StreamLimit } from "../admission/stream-limit.ts";
import type { ClientLocation } from "../rooms/location.ts";
import { openSocket, type Joined } from "../rooms/open-socket.ts";
import { refuse, refuseReadably } from "./refusals.ts";
import type { Incoming, RouteEnv, Shared } from "./shared.ts";

/**
 * Makes the routes that join a room: over WebSocket, over SSE and by polls.
 *
 * @param limits absent if the limits per address are off
 */
export function joinRoutes(
  { server, rooms, newRooms }: Shared,
  {
    streamLimit,
    joinsPerAddress,
  }: { readonly streamLimit?: StreamLimit; readonly joinsPerAddress?: AddressLimit },
): Hono<RouteEnv> {
  const refusalCache = new RefusalCache();
  const app = new Hono<RouteEnv>();

  app.get("/rooms/:room", async (c, next) => {
    const { raw } = c.req;
    if (!isUpgrade(raw)) return next(); // Reads the room.
    // Hono serves HEAD with the route of GET. The socket would never be used.
    if (raw.method !== "GET") return errorResponse({ code: "method_not_allowed" });
    const { offer } = c.get("caller");
    const joiner = { dialect: offer?.dialect ?? "json", key: offer?.key, attempt: offer?.attempt } as const;
    const joined = await join(c, joiner, offer?.echo);
    return joined.ok ? joined.value.response : refuse(raw, joined.error, server.sseRetryMs);
  });

  app.get("/rooms/:room/events", async (c) => {
    const { raw } = c.req;
    // Hono serves HEAD with the route of GET. The stream would never be read.
    if (raw.method !== "GET") return errorResponse({ code: "method_not_allowed" });
    const lastEventId = lastEventIdOf(raw);
    if (lastEventId === CLOSED_ID) return errorResponse({ code: "closed_for_good" });
    const { source } = c.get("caller");
    const stream = streamLimit?.open(source, Date.now());
    if (stream?.ok === false) return refuseReadably(raw, stream.error, server.sseRetryMs);
    const joined = await join(c, { dialect: "bridge", lastEventId });
    if (!joined.ok) {
      stream?.value.end();
      return refuseReadably(raw, joined.error, server.sseRetryMs);
    }
    const abort = (reason: Error): void => c.env.execution?.abort(reason);
    const request = { signal: raw.signal, abort, place: stream?.value };
    return eventStream(SseWriter.open(joined.value.socket, request, server));
  });

  app.get("/rooms/:room/poll", async (c) => {
    const { raw } = c.req;
    // Hono serves HEAD with the route of GET. The response would be lost.
    if (raw.method !== "GET") return errorResponse({ code: "method_not_allowed" });
    const { roomRequest, source, limit } = c.get("caller");
    if (!roomRequest.ok) return errorResponse(roomRequest.error);
    const { query } = roomRequest.value;
    const wait = readWait(query);
    if (!wait.ok) return errorResponse(wait.error);
    const place = streamLimit?.open(source, Date.now());
    if (place?.ok === false) return errorResponse(place.error);
    const joiner = { dialect: "bridge", pollWaitS: wait.value } as const;
    let joined = await join(c, { ...joiner, mayOnlyContinue: limit !== "joinsPerAddress" });
    if (!joined.ok && joined.error.code === "not_joined") {
      // It names a roster and does not continue, so it counts as a join after all.
      const crowded = await joinsPerAddress?.refusal(source);
      joined = crowded === undefined ? await join(c, joiner) : err(crowded);
    }
    const poller = { after: query.get("after") ?? undefined, waitS: wait.value, signal: raw.signal };
    const answer = joined.ok ? await awaitAnswer(joined.value.socket, poller) : joined;
    if (!answer.ok) {
      place?.value.end();
      return errorResponse(answer.error);
    }
    const abort = (reason: Error): void => c.env.execution?.abort(reason);
    return answerPoll(answer.value, { signal: raw.signal, abort, place: place?.value });
  });

  return app;

  /** Joins a caller to its room, unless the room has recently rejected it. */
  async function join(
    c: Incoming,
    joiner: Omit<Joiner, "address" | "mayNotCreate">,
    echo?: string,
  ): Promise<Result<Joined>> {
    const { roomRequest, address, source } = c.get("caller");
    if (!roomRequest.ok) return roomRequest;
    const { reference } = roomRequest.value;
    const now = Date.now();
    const mayNotCreate = newRooms?.mayCreate(source, reference.room, now) === false;
    const admitted = await admit(roomRequest.value, { ...joiner, address, mayNotCreate });
    if (!admitted.ok) return admitted;
    const refusal = refusalCache.refusal(reference, admitted.value, now);
    if (refusal !== undefined) return err(refusal);
    const joined = await openSocket(rooms, reference, admitted.value, {
      at: c.req.raw.cf as ClientLocation | undefined,
      subprotocol: echo,
      signal: c.req.raw.signal,
    });
    if (!joined.ok) refusalCache.note(reference.room, admitted.value, joined.error, now);
    else {
      newRooms?.found(reference.room);
      if (joined.value.isFirst) newRooms?.created(source, reference.room, now);
    }
    return joined;
  }
}
