import { createFakeServer } from "../../../src/testing/index.ts";
import { welcomeOf, type Peer, type Target } from "../../conformance/run-server.ts";
import type { TransportName } from "../../conformance/format.ts";
import { EventStream } from "../../support/event-stream.ts";
import { Inbox } from "../../support/inbox.ts";
import type { Departure } from "../../support/member.ts";

const BASE = "https://parlor.test/rooms/lobby";

/** A close code of a client whose connection is lost. */
const LOST = 4002;

/** A room of a fake server, for the cases of test/conformance. */
export class FakeTarget implements Target {
  readonly server = createFakeServer();

  async connect(transport: TransportName, query: Readonly<Record<string, string>>): Promise<Peer> {
    const search = new URLSearchParams(query).toString();
    return transport === "websocket" ? this.#openSocket(search) : this.#openEvents(search);
  }

  async endGrace(): Promise<void> {
    this.server.room("lobby").endGrace();
  }

  async restart(): Promise<void> {
    this.server.restart();
  }

  #openSocket(search: string): Promise<Peer> {
    const inbox = new Inbox();
    const socket = new this.server.WebSocket(`${BASE.replace("http", "ws")}?${search}`, ["parlor.v1"]);
    socket.addEventListener("message", ({ data }) => inbox.receive(String(data)));
    const closed = new Promise<Departure>((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => {
        inbox.end(`closed with ${code}`);
        resolve({ code, reason });
      });
    });
    const peer: Peer = {
      inbox,
      closed,
      send: (text) => socket.send(text),
      close: (code) => socket.close(code),
      lose: async () => {
        socket.close(LOST);
        await closed;
      },
    };
    return inbox.until(({ all }) => all.length > 0).then(() => peer);
  }

  async #openEvents(search: string): Promise<Peer> {
    const { fetch } = this.server;
    const abort = new AbortController();
    const stream = new EventStream();
    const response = await fetch(`${BASE}/events?${search}`, {
      headers: { Accept: "text/event-stream" },
      signal: abort.signal,
    });
    const read = async (): Promise<void> => {
      for await (const chunk of response.body ?? []) stream.write(chunk);
    };
    const closed = read()
      .catch(() => undefined)
      .then((): Departure => {
        stream.inbox.end("the stream is over");
        const last = stream.inbox.all.findLast((frame) => frame.type === "close");
        return { code: last?.code ?? 1006, reason: last?.reason ?? "" };
      });
    return {
      inbox: stream.inbox,
      actsByPost: true,
      events: stream.events,
      closed,
      send: async (body) => {
        const { session, key } = welcomeOf(stream);
        const headers = { "Parlor-Session": `${session}.${key}` };
        return (await fetch(`${BASE}/messages`, { method: "POST", headers, body })).json();
      },
      close: () => abort.abort(),
      lose: async () => {
        abort.abort();
        await closed;
      },
    };
  }
}
