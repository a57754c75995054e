import { onTestFinished } from "vitest";
import { evict, inRoom } from "./rooms.ts";
import type { WebSocketMember } from "./websocket.ts";

/** Replaces the property with which a runtime reports the queue of a socket. The end of the test restores it. */
function replace(property: PropertyDescriptor | undefined): void {
  const own = Object.getOwnPropertyDescriptor(WebSocket.prototype, "bufferedAmount");
  if (own === undefined) throw new Error("the runtime does not report bufferedAmount");
  Reflect.deleteProperty(WebSocket.prototype, "bufferedAmount");
  if (property !== undefined) Object.defineProperty(WebSocket.prototype, "bufferedAmount", property);
  onTestFinished(() => {
    Object.defineProperty(WebSocket.prototype, "bufferedAmount", own);
  });
}

/** For the rest of the test the runtime does not report the queue, like workerd before 1.20261117. */
export function withoutBufferedAmount(): void {
  replace(undefined);
}

/**
 * Makes the runtime report this much as queued for a member, and nothing for the others. The room reads it when it
 * wakes.
 *
 * @returns a function that changes the amount
 */
export async function buffer(
  room: string,
  { member }: WebSocketMember,
  bytes: number,
): Promise<(bytes: number) => void> {
  let reported = bytes;
  await inRoom(room, () => {
    replace({
      configurable: true,
      get(this: WebSocket) {
        return isOf(this, member) ? reported : 0;
      },
    });
  });
  await evict(room);
  return (changed) => {
    reported = changed;
  };
}

/** Whether it is the room's socket of a member. A room that woke has new objects for the same sockets. */
function isOf(socket: WebSocket, member: string): boolean {
  try {
    return (socket.deserializeAttachment() as { readonly member?: string } | null)?.member === member;
  } catch {
    return false; // the client's end
  }
}
