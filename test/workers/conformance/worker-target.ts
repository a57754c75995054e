import { vi } from "vitest";
import { CLOSE_CODES } from "../../../src/protocol/close-codes.ts";
import type { WireError } from "../../../src/protocol/errors.ts";
import type { ErrorFrame } from "../../../src/protocol/frames.ts";
import { randomKey } from "../../../src/protocol/ids.ts";
import { closeOf } from "../../../src/protocol/refusals.ts";
import type { TransportName } from "../../conformance/format.ts";
import { welcomeOf, type Peer, type Target } from "../../conformance/run-server.ts";
import { CHAT_GRACE_MS, lost, passAndWake, SLOT_MS } from "../support/grace.ts";
import { Inbox } from "../../support/inbox.ts";
import type { Departure } from "../../support/member.ts";
import { Poller } from "../support/polls.ts";
import { crash, uniqueRoom } from "../support/rooms.ts";
import { openEvents, post } from "../support/sse.ts";
import { joinWebSocket } from "../support/websocket.ts";

/** A close code of a client whose connection is lost. */
const LOST = 4002;

/** A room of the Worker in workerd, for the cases of test/conformance. Its kind has a grace period. */
export class WorkerTarget implements Target {
  readonly #room = uniqueRoom("chat");

  connect(transport: TransportName, query: Readonly<Record<string, string>>): Promise<Peer> {
    if (transport === "websocket") return this.#openSocket(query);
    return transport === "sse" ? this.#openEvents(query) : this.#openPolls(query);
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
      actsByPost: true,
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

  /** Polls until the room closes the connection, or the client loses it. */
  async #openPolls(query: Readonly<Record<string, string>>): Promise<Peer> {
    const { key = randomKey(), mode, view } = query;
    // Later polls continue, so they bring neither presence data nor an older position.
    const poller = new Poller(this.#room, { key, query: { ...(mode && { mode }), ...(view && { view }) } });
    const inbox = new Inbox();
    const abort = new AbortController();
    const run = async (): Promise<Departure> => {
      for (let next = { ...query }; ; next = {}) {
        const { status, items } = await poller.send({ wait: 25, signal: abort.signal, query: next });
        if (status !== 200) return reject(items[0] as ErrorFrame);
        poller.take(items);
        const frames = items.slice(0, -1);
        if (frames.length > 0) inbox.receive(JSON.stringify(frames));
        const close = frames.find((frame) => frame.type === "close");
        if (close !== undefined) return close;
      }
    };
    /** The answer to a rejected poll is the error alone. Its row names the close. */
    const reject = (error: ErrorFrame): Departure => {
      const { code, text } = CLOSE_CODES[closeOf(error as WireError)];
      inbox.receive(JSON.stringify([error, { type: "close", code, reason: text }]));
      return { code, reason: text };
    };
    const closed = run()
      .catch((): Departure => ({ code: 1006, reason: "" }))
      .finally(() => inbox.end("the polls are over"));
    await inbox.until(({ all }) => all.length > 0);
    return {
      inbox,
      actsByPost: true,
      closed,
      send: async (text) => {
        welcomeOf({ inbox });
        return (await post(this.#room, poller.welcome, text)).body;
      },
      close: () => abort.abort(),
      lose: async () => {
        abort.abort();
        await closed;
        await lost(this.#room, poller.welcome);
      },
    };
  }
}
