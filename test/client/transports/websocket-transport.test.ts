import { expect, it } from "vitest";
import type { Target, TransportEnd } from "../../../src/client/transports/transport.ts";
import {
  WebSocketTransport,
  type WebSocketLike,
} from "../../../src/client/transports/websocket-transport.ts";
import type { ServerFrame } from "../../../src/protocol/frames.ts";

/** A socket whose events the test creates. */
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
      onActive: () => undefined,
      onReady: () => undefined,
      onEnd: (end) => void ends.push(end),
    },
    FakeSocket,
  );
  return { transport, socket: FakeSocket.newest, frames, chars, ends };
}

it("[J2 J3 L5] a WebSocket offers the subprotocol and the key, keeps the key out of the URL, and announces flow control", () => {
  const { socket } = openLine();

  expect(socket.protocols).toEqual(["parlor.v1", "resume.keykeykeykeykeykeykey1"]);
  expect(socket.url).toBe(
    "wss://parlor.example/rooms/lobby?try=7&mode=count&rewind=5&presence=%7B%22a%22%3A%22b%20c%22%7D&flow=1",
  );
});

it("[J7 J10 M5 T4] the URL requests the state, and has the revision of the list and whether the client only watches", () => {
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

it("[J6] the URL has the position to resume from, and then no rewind", () => {
  const { socket } = openLine("Zk3:7");

  expect(new URL(socket.url).searchParams.get("after")).toBe("Zk3:7");
  expect(new URL(socket.url).searchParams.get("rewind")).toBeNull();
});

it("[F1] a WebSocket delivers a single frame or an array of frames", () => {
  const { socket, frames } = openLine();

  socket.receive('{"type":"pong"}');
  socket.receive('[{"type":"presence","count":1},{"type":"pong"}]');

  expect(frames.map(({ type }) => type)).toEqual(["pong", "presence", "pong"]);
});

it.each([
  ["not JSON", "<html>"],
  ["not an object", "7"],
  ["an array of other things", "[1]"],
  ["binary", new ArrayBuffer(2)],
])("[F2] text that is %s is reported as an error", (_what, data) => {
  const { socket, frames } = openLine();

  socket.receive(data);

  expect(frames).toMatchObject([{ type: "error", code: "bad_frame" }]);
});

it("[L5] the length of every text except the platform's pong is reported, in UTF-16 units", () => {
  const { socket, chars } = openLine();

  socket.receive('{"type":"message","data":"ü😀"}');
  socket.receive('{"type":"pong"}');
  socket.receive('[{"type":"pong"}]');

  expect(chars).toEqual([31, 0, 17]);
});

it("[C1] the end of a WebSocket is reported with its close code, also after an error", () => {
  const { socket, ends } = openLine();

  socket.receive('{"type":"pong"}');
  socket.fail();
  socket.end(4002, "silent");

  expect(ends).toEqual([{ code: 4002, reason: "silent" }]);
});

it("[C1] an error before any message ends the connection, because Node's own WebSocket may emit no close event", () => {
  const { socket, ends } = openLine();

  socket.fail();

  expect(ends).toEqual([{ code: 1006, reason: "could not open a WebSocket" }]);
});

it("[F7] a ping is plain text, without JSON", () => {
  const { transport, socket } = openLine();

  transport.ping();
  transport.send({ text: '{"type":"publish"}', refs: [1], authority: "" });

  expect(socket.sent).toEqual(["ping", '{"type":"publish"}']);
});

it("[A6] leave sends a frame, and resolves when the socket is closed", async () => {
  const { transport, socket } = openLine();

  const left = transport.leave();
  socket.end(4507, "left");

  expect(socket.sent).toEqual(['{"type":"leave"}']);
  expect(await left).toBeUndefined();
});

it.each([
  ["reports that the member leaves", true, 1000],
  ["reports a lost connection if the client will reconnect", false, 4002],
])("[M2 M4] close %s", (_what, forGood, code) => {
  const { transport, socket } = openLine();

  transport.close(forGood);

  expect(socket.closed).toBe(code);
});

it("[G7] a WebSocket is busy while too many bytes are unsent", () => {
  const { transport, socket } = openLine();
  expect(transport.isBusy).toBe(false);

  socket.bufferedAmount = 65_537;

  expect(transport.isBusy).toBe(true);
});
