import { refusalWithout, type Rights } from "../protocol/capabilities.ts";
import type { WireError } from "../protocol/errors.ts";
import type { ClientFrame } from "../protocol/frames.ts";

/** Budgets that a client cannot keep to: others spend them, too, or it does not know what its request will cost. */
const UNKNOWABLE: ReadonlySet<string | undefined> = new Set([
  "roomMessagesPerSecond",
  "roomBytesPerSecond",
  "readCharsPerSecond",
  "roomReadCharsPerSecond",
]);

/** Whether a refusal is its sender's doing, not the server's, nor of what its sender cannot know. */
export function isItsFault({ code, limit }: WireError): boolean {
  return code !== "internal" && code !== "unavailable" && !UNKNOWABLE.has(limit);
}

/** Whether an act reaches others. */
export function isSeenByOthers({ type }: ClientFrame): boolean {
  return type === "publish" || type === "set" || type === "presence";
}

/** Why one may not do this at all. */
export function refusalFor(frame: ClientFrame, rights: Rights): WireError | undefined {
  switch (frame.type) {
    case "publish":
      return rights.mayPublish(frame.event) ? undefined : refusalWithout("publish", rights);
    case "set":
      return refusalWithout("state", rights);
    case "presence":
    case "history":
      return refusalWithout(frame.type, rights);
    case "auth":
    case "leave":
    case "seen":
      return undefined;
    default:
      return frame satisfies never;
  }
}
