import type { TransportName, WebSocketConstructor } from "../client/index.ts";
import { CLOSE_CODES } from "../protocol/close-codes.ts";
import { encodeFrame, errorFrame } from "../protocol/encode.ts";
import type { ErrorCode, WireError } from "../protocol/errors.ts";
import { PING, PONG } from "../protocol/frames.ts";
import { closeOf } from "../protocol/refusals.ts";
import { SUBPROTOCOL } from "../protocol/version.ts";
import { receive } from "./acting.ts";
import type { Failure } from "./failures.ts";
import type { FakeRoom } from "./fake-room.ts";
import { FakeSocket, type Answer } from "./fake-socket.ts";
import { Host } from "./host.ts";
import { serve } from "./http.ts";

/** The options of a fake server. Every option may be omitted. */
export interface FakeServerOptions {
  /** The server's clock, Unix milliseconds. @default `Date.now`, which a fake clock of the test runner may replace */
  readonly now?: () => number;
  /**
   * Returns the verified user of a token, or "" for an anonymous client. The fake server checks no token by itself.
   *
   * @default everyone is anonymous
   */
  readonly userOf?: (token: string) => string;
}

/** A Parlor server in memory, for tests of applications. Nothing leaves the process. */
export interface FakeServer {
  /** The options for `joinRoom` that connect a client to this server, without a delay before a reconnect and without long-poll. */
  joinOptions(): {
    readonly WebSocket: WebSocketConstructor;
    readonly fetch: typeof fetch;
    readonly transports: readonly TransportName[];
    readonly minReconnectDelayMs: number;
    readonly maxReconnectDelayMs: number;
  };
  /** A constructor of WebSockets to this server. */
  readonly WebSocket: WebSocketConstructor;
  /** A `fetch` that this server serves: joins over SSE, and acts by POST. */
  readonly fetch: typeof fetch;
  /** A room, by the name in its URL. It exists from the first use of its name. */
  room(name: string): FakeRoom;
  /** Cuts the connections of one member or of all members, in all rooms: {@link FakeRoom.drop}. */
  drop(member?: string): void;
  /** Rejects the next joins with an error, whatever their room. @param times how many joins. @default 1 */
  refuse(failure: Failure, times?: number): void;
  /**
   * Rejects the next acts (`publish`, `set`, `presence` and `history`) with an error, whatever their room. They have no effect.
   *
   * @param times how many acts. @default 1
   */
  reject(failure: Failure, times?: number): void;
  /**
   * Closes all connections with `restart`. The clients reconnect. Rooms keep their members, messages and state.
   *
   * @param options `history: "lost"` also empties the log and the state of each room, as in kinds without durable history
   */
  restart(options?: { readonly history?: "kept" | "lost" }): void;
}

/** Errors that a rejected upgrade receives as a plain HTTP status, which a WebSocket reports as a failure (rule J8). */
const PLAIN_REFUSALS: ReadonlySet<ErrorCode> = new Set(["unavailable", "rate_limited", "room_busy"]);

/** A client that is often dropped changes to the next transport. This server has no long-poll, so it would be closed there. */
const TRANSPORTS = ["websocket", "sse"] as const;

const KEY_PREFIX = "resume.";
const TOKEN_PREFIX = "bearer.";

/**
 * Creates a fake server.
 *
 * @example
 * const server = createFakeServer();
 * const room = joinRoom("https://parlor.test/rooms/lobby", server.joinOptions());
 * await room.publish("chat", "hi");
 * server.drop(); // the client reconnects and resumes
 */
export function createFakeServer({ now = systemTime, userOf }: FakeServerOptions = {}): FakeServer {
  const host = new Host(now, (token) => (token === undefined ? "" : (userOf?.(token) ?? "")));
  const answer: Answer = (request, socket) => open(host, request, socket);
  const Socket = class extends FakeSocket {
    constructor(url: string | URL, protocols: string | readonly string[] = []) {
      super(url, protocols, answer);
    }
  };
  const server: Omit<FakeServer, "joinOptions"> = {
    // The types of EventTarget do not know which fields the events of a type have.
    WebSocket: Socket as unknown as WebSocketConstructor,
    fetch: async (input, init) => {
      // The signal of a `Request` stops following that of its caller if the `Request` is garbage collected (undici).
      const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
      signal?.throwIfAborted();
      return serve(host, new Request(input, init), signal);
    },
    room: (name) => host.room(name),
    drop: (member) => {
      for (const room of host.rooms.values()) room.drop(member);
    },
    refuse: (failure, times = 1) => host.refusals.add(failure, times),
    reject: (failure, times = 1) => host.rejections.add(failure, times),
    restart: ({ history = "kept" } = {}) => {
      for (const room of host.rooms.values()) room.restart(history === "lost");
    },
  };
  const { WebSocket, fetch: fetch_ } = server;
  const options = { WebSocket, fetch: fetch_, transports: TRANSPORTS };
  const noDelay = { minReconnectDelayMs: 0, maxReconnectDelayMs: 0 };
  return { ...server, joinOptions: () => ({ ...options, ...noDelay }) };
}

/** Answers an upgrade. */
function open(host: Host, request: Parameters<Answer>[0], socket: FakeSocket): ReturnType<Answer> {
  const url = new URL(request.url);
  const secretOf = (prefix: string): string | undefined =>
    request.protocols.find((name) => name.startsWith(prefix))?.slice(prefix.length);
  const isSpoken = request.protocols.length === 0 || request.protocols.includes(SUBPROTOCOL);
  const spoken = isSpoken ? SUBPROTOCOL : request.protocols[0];
  const [, name] = /\/rooms\/([^/]+)\/*$/.exec(url.pathname) ?? [];
  const room = host.roomOf(name ?? "");
  const refuse = (error: WireError): undefined => {
    if (PLAIN_REFUSALS.has(error.code)) {
      socket.cut();
      return undefined;
    }
    socket.accept(request.protocols.length === 0 ? "" : (spoken ?? ""));
    socket.serverEnd.send(encodeFrame(errorFrame(error)), "");
    const { code, text } = CLOSE_CODES[closeOf(error)];
    socket.serverEnd.close(code, text);
    return undefined;
  };
  if (room.error !== undefined) return refuse(room.error);
  if (!isSpoken) return refuse({ code: "version" });
  const token = secretOf(TOKEN_PREFIX) ?? url.searchParams.get("token") ?? undefined;
  const arrival = { query: url.searchParams, token, resume: secretOf(KEY_PREFIX) };
  const joined = host.join(room.value, arrival, socket.serverEnd);
  if (!("member" in joined)) return refuse(joined);
  socket.accept(request.protocols.length === 0 ? "" : SUBPROTOCOL);
  const replies = {
    item: (_index: number, frame: Parameters<typeof room.value.outbox.reply>[1]) => {
      // Over a socket, an ack without a ref has nothing to acknowledge.
      if (frame.type !== "ack" || frame.ref !== undefined) room.value.outbox.reply(joined, frame);
    },
    whole: (error: WireError) => room.value.outbox.reply(joined, errorFrame(error)),
  };
  return {
    onData: (data) => {
      if (room.value.connectionOf(joined.session) !== joined) return; // the close is on its way
      if (data === PING) socket.serverEnd.send(PONG, "");
      else if (typeof data === "string") receive(room.value, joined, data, replies, host.rejections);
      else room.value.turn(() => replies.whole({ code: "binary_frame" }));
    },
    onClose: (code) => room.value.ended(joined, LEAVING.has(code)),
  };
}

/** The close codes of a client that leaves. After any other one its connection counts as lost (rule M4). */
const LEAVING: ReadonlySet<number> = new Set([1000, 1005]);

function systemTime(): number {
  // oxlint-disable-next-line no-restricted-properties -- the only use; a test passes another clock, or replaces this one
  return Date.now();
}
