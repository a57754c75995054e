import { describe, expect, it } from "vitest";
import { randomKey } from "../../../src/protocol/ids.ts";
import { request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { joinSse, openEvents } from "../support/sse.ts";
import { join, upgrade, WebSocketMember } from "../support/websocket.ts";

describe("polyfills of EventSource", () => {
  it.each(["lastEventId", "Last-Event-ID", "last-event-id", "evs_last_event_id"])(
    "[S2 J6 G4] EventSource polyfills that send the last id as the query's %s resume from it",
    async (name) => {
      const [room, key] = [uniqueRoom(), randomKey()];
      const ana = await join(room);
      const bob = await joinSse(room, { key });
      bob.vanish();
      for (let ref = 1; ref <= 2; ref++) await ana.publish("e", ref, { ref });

      const query = { [name]: bob.stream.lastEventId, after: "other:1" };
      const again = await joinSse(room, { key, query });
      await again.inbox.take("position");

      expect(await again.welcome()).toMatchObject({ recovered: true });
      expect(again.inbox.messages.map(({ offset }) => offset)).toEqual([1, 2]);
    },
  );

  it("[J6] the header Last-Event-ID wins over the query's lastEventId", async () => {
    const room = uniqueRoom();
    const { position } = await join(room);

    const bob = await joinSse(room, { lastEventId: position, query: { lastEventId: "other:1" } });

    expect(await bob.welcome()).toMatchObject({ recovered: true });
  });

  it("[S6] EventSource polyfills that repeat the id ~closed in the query are answered with 403", async () => {
    expect((await openEvents(uniqueRoom(), { query: { lastEventId: "~closed" } })).response.status).toBe(403);
  });
});

describe("upgrades", () => {
  /** Requests an upgrade with the headers of some client. */
  async function joinAt(path: string, headers: Record<string, string> = {}): Promise<WebSocketMember> {
    const response = await request(path, { headers: { Upgrade: "websocket", ...headers } });
    if (response.webSocket === null) throw new Error(`refused with ${response.status}`);
    return new WebSocketMember(response, response.webSocket);
  }

  it.each([
    ["/", ""],
    ["//", ""],
    ["", "/"],
  ])(
    "[J1] upgrades join with the slashes %j after the name and %j before the path",
    async (behind, before) => {
      const ana = await joinAt(`${before}${roomPath(uniqueRoom())}${behind}`);

      expect(await ana.welcome()).toMatchObject({ type: "welcome" });
    },
  );

  it.each([
    ["odd spaces and empty names", " ,  parlor.v1 ,, parlor.v9", "parlor.v1"],
    ["nothing but commas", " , ,", null],
  ])("[J2] upgrades accept a list of subprotocols with %s", async (_what, offer, answered) => {
    const ana = await joinAt(roomPath(uniqueRoom()), { "Sec-WebSocket-Protocol": offer });

    expect(await ana.welcome()).toMatchObject({ type: "welcome" });
    expect(ana.protocol).toBe(answered);
  });

  it("[J1] upgrades are recognised in any case of the header's value", async () => {
    const ana = await joinAt(roomPath(uniqueRoom()), { Upgrade: "WebSocket" });

    expect(await ana.welcome()).toMatchObject({ type: "welcome" });
  });

  it("[J8] refused upgrades to a path with an extra slash are refused like any other", async () => {
    const refused = await joinAt("/rooms/nokind:x/");

    expect(await refused.inbox.take("error")).toMatchObject({ code: "unknown_kind" });
    expect((await upgrade(uniqueRoom(), { query: { key: "bad" } })).status).toBe(101);
  });
});

describe("event stream requests", () => {
  it.each(["text/event-stream, */*", "Text/Event-Stream", "*/*, text/event-stream;q=0.9"])(
    "[S7] readers with Accept: %s receive a refusal as a stream",
    async (accept) => {
      const response = await request("/rooms/nokind:x/events", { headers: { Accept: accept } });

      expect(response.status).toBe(200);
      expect(await response.text()).toContain('"code":"unknown_kind"');
    },
  );
});
