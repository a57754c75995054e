import { refusalWithout, type Rights } from "../../protocol/capabilities.ts";
import type { WireError } from "../../protocol/errors.ts";
import type { ClientFrame } from "../../protocol/frames.ts";

/** Whether other members receive the effect of an act. */
export function isSeenByOthers({ type }: ClientFrame): boolean {
  return type === "publish" || type === "set" || type === "presence";
}

/** Returns the error if the capability that a frame needs is missing. */
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
