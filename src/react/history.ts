import type { RoomMessage } from "../client/index.ts";

/** A message that the room has stored. */
export type RecordedMessage = RoomMessage & { readonly offset: number };
