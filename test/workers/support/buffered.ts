import { onTestFinished } from "vitest";
import { evict, inRoom } from "./rooms.ts";
import type { WebSocketMember } from "./websocket.ts";

/** The queue that a runtime reports for a socket, or nothing. The end of the test restores the real property. */
function replace(property: PropertyDescriptor | undefined): void {
  const own = Object.getOwnPropertyDescriptor(WebSocket.prototype, "bufferedAmount");
  if (own === undefined) throw new Error("the runtime does not report bufferedAmount");
  Reflect.deleteProperty(WebSocket.prototype, "bufferedAmount");
  if (property !== undefined) Object.defineProperty(WebSocket.prototype, "bufferedAmount", property);
  onTestFinished(() => {
    Object.defineProperty(WebSocket.prototype, "bufferedAmount", own);
  });
}

/** For the rest of the test the runtime reports nothing, like workerd before 1.20261117. */
export function withoutBufferedAmount(): void {
  replace(undefined);
}

/**
 * Has the runtime report that this much is queued for a member, and nothing for the others. The room reads it as it wakes.
 *
 * @returns changes how much it is
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

/** Whether it is the room's socket of a member. A room that has woken has other objects for the same sockets. */
function isOf(socket: WebSocket, member: string): boolean {
  try {
    return (socket.deserializeAttachment() as { readonly member?: string } | null)?.member === member;
  } catch {
    return false; // the client's end
  }
}
