import { Bridge, type BridgeLimits, type StreamRequest } from "../../../src/transports/bridge.ts";
import { EventStream } from "../../support/event-stream.ts";

/** Wide bounds, so that a test sets only the one it is about. */
const LIMITS: BridgeLimits = {
  sseHeartbeatMs: 5,
  sseRetryMs: 1_000,
  sseMaxAgeMs: 3_600_000,
  sseMaxFrames: 1_000_000,
  sseMaxBytes: 1_000_000_000,
};

/** A bridge whose other ends are in the hands of the test: the room's of its socket, and its reader's. */
export function openBridge(
  limits: Partial<BridgeLimits>,
  options: Partial<StreamRequest> = {},
): {
  readonly room: WebSocket;
  /** Resolves at the second ping: the first comes as soon as the bridge is open. */
  readonly pinged: Promise<void>;
  /** What came from the bridge, in order. */
  readonly sent: readonly string[];
  readonly closed: Promise<number>;
  /** What the bridge told the room its reader has taken, in order. */
  readonly seen: readonly number[];
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
} {
  const { 0: inner, 1: room } = new WebSocketPair();
  room.accept();
  const seen: number[] = [];
  const sent: string[] = [];
  const pinged = new Promise<void>((resolve) => {
    room.addEventListener("message", ({ data }) => {
      sent.push(String(data));
      if (data === "ping") return sent.filter((text) => text === "ping").length > 1 ? resolve() : undefined;
      const frame = JSON.parse(String(data)) as { readonly type: string; readonly chars: number };
      if (frame.type === "seen") seen.push(frame.chars);
    });
  });
  const closed = new Promise<number>((resolve) =>
    room.addEventListener("close", ({ code }) => resolve(code)),
  );
  const request: StreamRequest = {
    signal: new AbortController().signal,
    abort: () => undefined,
    place: undefined,
    ...options,
  };
  const stream = Bridge.open(inner, request, { ...LIMITS, ...limits });
  return {
    room,
    pinged,
    sent,
    closed,
    seen,
    reader: stream.getReader() as ReadableStreamDefaultReader<Uint8Array>,
  };
}

/** Reads a stream until it ends, or until `enough`. */
export async function read(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  enough: (stream: EventStream) => boolean = () => false,
): Promise<EventStream> {
  const stream = new EventStream();
  await readInto(stream, reader, enough);
  return stream;
}

/** Reads a stream into one that may be looked at, even when reading fails. */
export async function readInto(
  stream: EventStream,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  enough: (stream: EventStream) => boolean = () => false,
): Promise<void> {
  while (!enough(stream)) {
    const { done, value } = await reader.read();
    if (done) return;
    stream.write(value);
  }
}
