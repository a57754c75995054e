import { refusalWithout, type Rights } from "../../protocol/capabilities.ts";
import type { WireError } from "../../protocol/errors.ts";
import type { ClientFrame } from "../../protocol/frames.ts";
import type { ServerScope } from "../api.ts";

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

/** The scope that a server needs for each act; `undefined` for the acts of a session, which a server cannot do. */
const SCOPES: Readonly<Record<ClientFrame["type"], ServerScope | undefined>> = {
  publish: "publish",
  set: "publish",
  history: "read",
  presence: undefined,
  auth: undefined,
  leave: undefined,
  seen: undefined,
};

/** Returns the error if the scope that a server needs for a frame is missing. */
export function refusalWithoutScope(
  { type }: ClientFrame,
  scopes: readonly ServerScope[],
): WireError | undefined {
  const scope = SCOPES[type];
  if (scope === undefined)
    return { code: "forbidden", message: `a server has no session, which ${type} needs` };
  if (scopes.includes(scope)) return undefined;
  return { code: "forbidden", message: `${type} needs the scope "${scope}"; use a key that has it` };
}
