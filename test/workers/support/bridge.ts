import type { ResponseRequest } from "../../../src/transports/response-end.ts";
import { SseWriter, type SseLimits } from "../../../src/transports/sse-writer.ts";
import { EventStream } from "../../support/event-stream.ts";

/** Wide limits, so that a test sets only the one it is about. */
const LIMITS: SseLimits = {
  sseHeartbeatMs: 5,
  sseRetryMs: 1_000,
  sseMaxAgeMs: 3_600_000,
  sseMaxFrames: 1_000_000,
  sseMaxBytes: 1_000_000_000,
};

/** Opens a bridge whose room socket and client stream are controlled by the test. */
export function openBridge(
  limits: Partial<SseLimits>,
  options: Partial<ResponseRequest> = {},
): {
  readonly room: WebSocket;
  /** Resolves at the second ping, because the first one is sent as soon as the bridge is open. */
  readonly pinged: Promise<void>;
  /** The texts that the bridge has sent, in order. */
  readonly sent: readonly string[];
  readonly closed: Promise<number>;
  /** The amounts that the bridge has reported to the room as read, in order. */
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
  const request: ResponseRequest = {
    signal: new AbortController().signal,
    abort: () => undefined,
    place: undefined,
    ...options,
  };
  const stream = SseWriter.open(inner, request, { ...LIMITS, ...limits });
  return {
    room,
    pinged,
    sent,
    closed,
    seen,
    reader: stream.getReader() as ReadableStreamDefaultReader<Uint8Array>,
  };
}

/** Reads a stream until it ends, or until `enough` returns true. */
export async function read(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  enough: (stream: EventStream) => boolean = () => false,
): Promise<EventStream> {
  const stream = new EventStream();
  await readInto(stream, reader, enough);
  return stream;
}

/** Reads a stream into an array that is available even if reading fails. */
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
