// Runs in a browser's page: joins a room with the SDK and records its events for client-page.ts.
import { joinRoom, type TransportName } from "../../src/client/index.ts";

const notes: unknown[] = [];

Object.assign(globalThis, {
  notes,
  start(url: string, transport: TransportName, key?: string): void {
    const room = joinRoom(url, {
      key,
      transports: [transport],
      minReconnectDelayMs: 200,
      maxReconnectDelayMs: 1_000,
    });
    room.on("welcome", ({ position, recovered }) => {
      const [epoch = "", offset] = position.split(":");
      notes.push({ what: "joined", epoch, offset: Number(offset), isRecovered: recovered === true });
    });
    room.on("message", ({ offset, event, data }) => {
      const body = data as { id: string; x: number };
      if (offset !== undefined) notes.push({ what: "saw", offset, id: body.id });
      else if (event === "cursor") notes.push({ what: "cursor", x: body.x });
    });
    room.on("presence", ({ joined, left }) => {
      for (const { id } of joined) notes.push({ what: "came", id });
      for (const { id } of left) notes.push({ what: "went", id });
    });
    Object.assign(globalThis, {
      room,
      say: (id: string) =>
        void room.publish("chat", { id }).then(({ offset }) => notes.push({ what: "acked", id, offset })),
      point: (x: number) => room.send("cursor", { x }, { key: "me" }),
    });
  },
});
