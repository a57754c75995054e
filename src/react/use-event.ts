import { useEffect, useRef } from "react";
import type { RoomMessage } from "../client/index.ts";
import { useHandle } from "./handle.ts";

/**
 * Calls a function for each message with this event, recorded or volatile. The function may be a new one in each render. The
 * component does not render again by itself.
 */
export function useEvent(event: string, listener: (message: RoomMessage) => void): void {
  const handle = useHandle("useEvent");
  const newest = useRef(listener);
  useEffect(() => {
    newest.current = listener;
  });
  useEffect(
    () =>
      handle.opened.room.on("message", (message) => {
        if (message.event === event) newest.current(message);
      }),
    [handle, event],
  );
}
