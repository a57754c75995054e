import { expect, it } from "vitest";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { join } from "../support/websocket.ts";

it.each([
  ["a WebSocket", "", { Upgrade: "websocket" }],
  ["an event stream", "/events", { Accept: "text/event-stream" }],
])("[J1 H4 G12] a HEAD request for %s is rejected, and joins no member", async (_what, part, headers) => {
  const room = uniqueRoom("roomy");
  const ana = await join(room, { to: serveKinds });

  const response = await request(roomPath(room, part), { method: "HEAD", headers }, serveKinds);

  expect(response.webSocket).toBeNull();
  expect(response.status).toBe(405);
  expect(await kindsRoom(room).info()).toMatchObject({ members: 1 });
  await ana.publish("e", 1);
  expect(ana.inbox.all.map(({ type }) => type)).toEqual(["welcome", "message", "ack"]);
});
