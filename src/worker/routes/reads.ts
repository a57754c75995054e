import { Hono, type Context } from "hono";

import { Rights, refusalWithout, type Capability } from "../../protocol/capabilities.ts";
import type { Reader, ReadOutcome } from "../../room/api.ts";
import { errorResponse } from "../../transports/upstream.ts";
import { readMembersRange, readRange, sourceIn } from "../admission/admission.ts";
import { queryOf } from "../admission/paths.ts";
import type { RoomReference } from "../admission/room-reference.ts";
import { callRoom, type Stub } from "../rooms/rooms.ts";
import type { Incoming, RouteEnv, Shared } from "./shared.ts";

/** Makes the routes that read a room: its summary, history, members and state. */
export function readRoutes({ rooms, newRooms }: Shared): Hono<RouteEnv> {
  const app = new Hono<RouteEnv>();

  app.get("/rooms/:room", (c) =>
    readJson(c, "join", async (stub, { room, kind }) => {
      const { isNew, ...info } = await stub.info();
      const text = JSON.stringify({ room, kind: kind.name, ...info });
      // A room that still runs older code does not report `isNew`.
      return { refused: null, text, isNew: isNew ?? info.position === null };
    }),
  );

  app.get("/rooms/:room/history", async (c) => {
    const range = readRange(queryOf(new URL(c.req.url)));
    if (!range.ok) return errorResponse(range.error);
    return readJson(c, "history", (room, _reference, reader) => room.history(range.value, reader));
  });

  app.get("/rooms/:room/members", async (c) => {
    const range = readMembersRange(queryOf(new URL(c.req.url)));
    if (!range.ok) return errorResponse(range.error);
    return readJson(c, "members", (room, _reference, reader) => room.members(range.value, reader));
  });

  app.get("/rooms/:room/state", (c) =>
    readJson(c, "state", (room, _reference, reader) => room.state(reader)),
  );

  return app;

  /** Responds with the JSON text of a room, if the caller has the capability to read it. */
  async function readJson(
    c: Incoming,
    capability: Capability,
    read: (room: Stub, reference: RoomReference, reader: Reader) => Promise<ReadOutcome | string>,
  ): Promise<Response> {
    const { roomRequest, address, source } = c.get("caller");
    if (!roomRequest.ok) return errorResponse(roomRequest.error);
    const { reference, principal } = roomRequest.value;
    const refusal =
      refusalWithout(capability, new Rights(principal.access.grants)) ??
      newRooms?.refusalOfRead(source, reference.room, Date.now());
    if (refusal !== undefined) return errorResponse(refusal);
    const reader = await sourceIn(reference.room, principal.user, address);
    const answered = await callRoom(
      () => read(rooms.forCall(reference.room, reference.kind), reference, reader),
      {
        mayRepeat: true,
      },
    );
    if (!answered.ok) return errorResponse(answered.error);
    const answer = answered.value;
    if (typeof answer === "string") return json(c, answer); // The room still runs older code.
    newRooms?.touched(source, reference.room, answer.isNew, Date.now());
    return answer.refused === null ? json(c, answer.text) : errorResponse(answer.refused);
  }
}

function json(c: Context, text: string): Response {
  return c.body(text, { headers: { "Content-Type": "application/json" } });
}
