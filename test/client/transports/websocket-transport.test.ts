import { expect, it } from "vitest";
import type { Target, TransportEnd } from "../../../src/client/transports/transport.ts";
import {
  WebSocketTransport,
  type WebSocketLike,
} from "../../../src/client/transports/websocket-transport.ts";
import type { ServerFrame } from "../../../src/protocol/frames.ts";

/** A socket whose events the test makes. */
class FakeSocket implements WebSocketLike {
  static newest: FakeSocket;
  readonly url: string;
  readonly protocols: string[];
  readonly sent: string[] = [];
  closed: number | undefined;
  bufferedAmount = 0;
  readonly #events = new EventTarget();

  constructor(url: string, protocols: string[]) {
    this.url = url;
    this.protocols = protocols;
    FakeSocket.newest = this;
  }

  addEventListener(type: string, listener: (event: never) => void): void {
    this.#events.addEventListener(type, listener as EventListener);
  }

  send(data: string): void {
    this.sent.push(data);
  }

  close(code?: number): void {
    this.closed = code;
  }

  receive(data: unknown): void {
    this.#events.dispatchEvent(Object.assign(new Event("message"), { data }));
  }

  fail(): void {
    this.#events.dispatchEvent(new Event("error"));
  }

  end(code: number, reason: string): void {
    this.#events.dispatchEvent(Object.assign(new Event("close"), { code, reason }));
  }
}

function openLine(after?: string, known: Partial<Target> = {}) {
  const frames: ServerFrame[] = [];
  const chars: unknown[] = [];
  const ends: TransportEnd[] = [];
  const transport = new WebSocketTransport(
    {
      room: "https://parlor.example/rooms/lobby",
      key: "keykeykeykeykeykeykey1",
      attempt: 7,
      after,
      rewind: 5,
      presence: '{"a":"b c"}',
      mode: "count",
      ...known,
    },
    {
      onFrames: (came, _position, length) => {
        frames.push(...came);
        chars.push(length);
      },
      onHeard: () => undefined,
      onReady: () => undefined,
      onEnd: (end) => void ends.push(end),
    },
    FakeSocket,
  );
  return { transport, socket: FakeSocket.newest, frames, chars, ends };
}

it("[J2 J3 L5] offers the subprotocol and the key, which is not in the URL, and promises to say what it reads", () => {
  const { socket } = openLine();

  expect(socket.protocols).toEqual(["parlor.v1", "resume.keykeykeykeykeykeykey1"]);
  expect(socket.url).toBe(
    "wss://parlor.example/rooms/lobby?try=7&mode=count&rewind=5&presence=%7B%22a%22%3A%22b%20c%22%7D&flow=1",
  );
});

it("[J7 J10 M5 T4] asks for the state, brings the list it knows, and says that it only watches", () => {
  const { socket } = openLine("Zk3:7", { mode: "list", roster: "4f.2", state: true, view: true });

  expect([...new URL(socket.url).searchParams]).toEqual([
    ["try", "7"],
    ["after", "Zk3:7"],
    ["presence", '{"a":"b c"}'],
    ["roster", "4f.2"],
    ["state", "1"],
    ["view", "1"],
    ["flow", "1"],
  ]);
});

it("[J6] asks to go on from a position rather than for the newest", () => {
  const { socket } = openLine("Zk3:7");

  expect(new URL(socket.url).searchParams.get("after")).toBe("Zk3:7");
  expect(new URL(socket.url).searchParams.get("rewind")).toBeNull();
});

it("[F1] tells frames, one or an array", () => {
  const { socket, frames } = openLine();

  socket.receive('{"type":"pong"}');
  socket.receive('[{"type":"presence","count":1},{"type":"pong"}]');

  expect(frames.map(({ type }) => type)).toEqual(["pong", "presence", "pong"]);
});

it.each([
  ["not JSON", "<html>"],
  ["no object", "7"],
  ["an array of other things", "[1]"],
  ["binary", new ArrayBuffer(2)],
])("[F2] what is %s is told as an error", (_what, data) => {
  const { socket, frames } = openLine();

  socket.receive(data);

  expect(frames).toMatchObject([{ type: "error", code: "bad_frame" }]);
});

it("[L5] tells the length of every text but the platform's pong, in UTF-16 units", () => {
  const { socket, chars } = openLine();

  socket.receive('{"type":"message","data":"ü😀"}');
  socket.receive('{"type":"pong"}');
  socket.receive('[{"type":"pong"}]');

  expect(chars).toEqual([31, 0, 17]);
});

it("[C1] tells how it ended, an error before it or not", () => {
  const { socket, ends } = openLine();

  socket.receive('{"type":"pong"}');
  socket.fail();
  socket.end(4002, "silent");

  expect(ends).toEqual([{ code: 4002, reason: "silent" }]);
});

it("[C1] an error before anything was heard is an end: Node's own WebSocket lets no close follow", () => {
  const { socket, ends } = openLine();

  socket.fail();

  expect(ends).toEqual([{ code: 1006, reason: "the socket failed" }]);
});

it("[F7] a ping is bare text", () => {
  const { transport, socket } = openLine();

  transport.ping();
  transport.send({ text: '{"type":"publish"}', refs: [1], authority: "" });

  expect(socket.sent).toEqual(["ping", '{"type":"publish"}']);
});

it("[A6] leave tells the room, and resolves when the socket is closed", async () => {
  const { transport, socket } = openLine();

  const left = transport.leave();
  socket.end(4507, "left");

  expect(socket.sent).toEqual(['{"type":"leave"}']);
  expect(await left).toBeUndefined();
});

it.each([
  ["says that the member leaves, for good", true, 1000],
  ["says that its connection is lost, to come back", false, 4002],
])("[M2 M4] close %s", (_what, forGood, code) => {
  const { transport, socket } = openLine();

  transport.close(forGood);

  expect(socket.closed).toBe(code);
});

it("[G7] is busy while too much is unsent", () => {
  const { transport, socket } = openLine();
  expect(transport.isBusy).toBe(false);

  socket.bufferedAmount = 65_537;

  expect(transport.isBusy).toBe(true);
});
