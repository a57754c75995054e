// Runs in a browser's page: joins a room with the SDK and records its events for client-page.ts.
import type { TransportName } from "../../src/client/index.ts";
import { createRoom } from "../../src/client/join-room.ts";
import { realEnvironment } from "../../src/client/runtime/environment.ts";

/** How a page joins. */
export interface PageOptions {
  /** The only transport. @default all, and the SDK's own delays */
  readonly transport?: TransportName;
  readonly key?: string;
  /** How soon the client tests a better transport, in milliseconds. @default the SDK's 5 minutes */
  readonly trialAfterMs?: number;
}

/** The client has no other timer that is longer than this, in milliseconds, than the one before a trial. */
const LONGEST_OTHER_TIMER_MS = 60_000;

const notes: unknown[] = [];

Object.assign(globalThis, {
  notes,
  start(url: string, { transport, key, trialAfterMs = Infinity }: PageOptions): void {
    const options = {
      key,
      ...(transport && { transports: [transport], minReconnectDelayMs: 200, maxReconnectDelayMs: 1_000 }),
    };
    const environment = {
      ...realEnvironment,
      startTimer: (callback: () => void, ms: number) =>
        realEnvironment.startTimer(callback, ms > LONGEST_OTHER_TIMER_MS ? Math.min(ms, trialAfterMs) : ms),
    };
    const room = createRoom(url, options, { environment });
    const startedAt = performance.now();
    room.on("connection", ({ state, transport: name, reason }) =>
      notes.push({ what: state, transport: name, reason, atMs: Math.round(performance.now() - startedAt) }),
    );
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
    const say = (id: string): void => {
      notes.push({ what: "sent", id });
      room.publish("chat", { id }).then(
        ({ offset }) => notes.push({ what: "acked", id, offset }),
        (error: unknown) => notes.push({ what: "rejected", id, error: String(error) }),
      );
    };
    let timer: ReturnType<typeof setInterval> | undefined;
    let sent = 0;
    Object.assign(globalThis, {
      room,
      say,
      point: (x: number) => room.send("cursor", { x }, { key: "me" }),
      talk: (name: string, everyMs: number) => {
        clearInterval(timer);
        timer = setInterval(() => say(`${name}-${++sent}`), everyMs);
      },
      hush: () => clearInterval(timer),
    });
  },
});
