import type { Target, TransportEnd, TransportListener } from "../../../src/client/transports/transport.ts";
import type { ServerFrame } from "../../../src/protocol/frames.ts";

/** A room to join. */
export const TARGET: Target = {
  room: "https://parlor.example/rooms/lobby",
  key: "keykeykeykeykeykeykey1",
  attempt: 7,
  mode: "list",
};

/** Records the frames and the ends that a transport reports. */
export class RecordingListener implements TransportListener {
  readonly frames: ServerFrame[] = [];
  readonly ends: TransportEnd[] = [];

  onFrames(frames: readonly ServerFrame[]): void {
    this.frames.push(...frames);
  }

  onActive(): void {}

  onReady(): void {}

  onEnd(end: TransportEnd): void {
    this.ends.push(end);
  }
}

/** The response to an SSE join: a stream without events that does not end. */
export function silentStream(): Response {
  return new Response(new ReadableStream(), { headers: { "Content-Type": "text/event-stream" } });
}
