import { vi } from "vitest";
import type { TransportName } from "../../conformance/format.ts";
import { welcomeOf, type Peer, type Target } from "../../conformance/run-server.ts";
import { CHAT_GRACE_MS, lost, passAndWake, SLOT_MS } from "../support/grace.ts";
import { crash, uniqueRoom } from "../support/rooms.ts";
import { openEvents } from "../support/sse.ts";
import { joinWebSocket } from "../support/websocket.ts";

/** A close code of a client whose connection is lost. */
const LOST = 4002;

/** A room of the Worker in workerd, for the cases of test/conformance. Its kind has a grace period. */
export class WorkerTarget implements Target {
  readonly #room = uniqueRoom("chat");

  connect(transport: TransportName, query: Readonly<Record<string, string>>): Promise<Peer> {
    return transport === "websocket" ? this.#openSocket(query) : this.#openEvents(query);
  }

  async endGrace(): Promise<void> {
    vi.setSystemTime(Date.now()); // from here on the clock stands still
    await passAndWake(this.#room, CHAT_GRACE_MS + SLOT_MS);
  }

  restart(): Promise<void> {
    return crash();
  }

  async #openSocket(query: Readonly<Record<string, string>>): Promise<Peer> {
    const member = await joinWebSocket(this.#room, { query, protocols: ["parlor.v1"], as: "json" });
    return {
      inbox: member.inbox,
      closed: member.closed,
      send: (text) => member.send(text),
      close: (code) => member.close(code),
      lose: async () => {
        member.close(LOST);
        await member.closed;
        await lost(this.#room, member);
      },
    };
  }

  async #openEvents(query: Readonly<Record<string, string>>): Promise<Peer> {
    const member = await openEvents(this.#room, { query });
    return {
      inbox: member.inbox,
      events: member.stream.events,
      closed: member.closed,
      send: async (text) => {
        welcomeOf(member);
        return (await member.post(text)).body;
      },
      close: () => member.close(),
      lose: async () => {
        member.vanish();
        await lost(this.#room, member);
      },
    };
  }
}
