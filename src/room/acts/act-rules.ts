import { refusalWithout, type Rights } from "../../protocol/capabilities.ts";
import type { WireError } from "../../protocol/errors.ts";
import type { ClientFrame } from "../../protocol/frames.ts";

/** Whether an act reaches others. */
export function isSeenByOthers({ type }: ClientFrame): boolean {
  return type === "publish" || type === "set" || type === "presence";
}

/** Why an act is not allowed at all: the capability that it needs is missing. */
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
