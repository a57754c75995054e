import { Bridge, type BridgeLimits } from "../../../src/transports/bridge.ts";
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
export function openBridge(limits: Partial<BridgeLimits>): {
  readonly room: WebSocket;
  readonly pinged: Promise<void>;
  readonly closed: Promise<number>;
  /** What the bridge told the room its reader has taken, in order. */
  readonly seen: readonly number[];
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
} {
  const { 0: inner, 1: room } = new WebSocketPair();
  room.accept();
  const seen: number[] = [];
  const pinged = new Promise<void>((resolve) => {
    room.addEventListener("message", ({ data }) => {
      if (data === "ping") return resolve();
      const frame = JSON.parse(String(data)) as { readonly type: string; readonly chars: number };
      if (frame.type === "seen") seen.push(frame.chars);
    });
  });
  const closed = new Promise<number>((resolve) =>
    room.addEventListener("close", ({ code }) => resolve(code)),
  );
  const stream = Bridge.open(inner, new AbortController().signal, { ...LIMITS, ...limits });
  return {
    room,
    pinged,
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
