import { useCallback } from "react";
import type { Published, Room } from "../client/index.ts";
import { attempt, useHandle } from "./handle.ts";

/** Publishes a recorded message, as `room.publish` does. */
export type Publish = Room["publish"];

/** A function that publishes. It is the same function in every render. */
export function usePublish(): Publish {
  const handle = useHandle("usePublish");
  return useCallback(
    (...message: Parameters<Publish>): Promise<Published> =>
      attempt(() => handle.opened.room.publish(...message)),
    [handle],
  );
}
