// What the package's main entry is in Node, where `cloudflare:workers` does not exist. With it, programs can import
// kinds to test their hooks.

import type { Parlor } from "./parlor.ts";

export { ConfigError } from "../config/config.ts";
export { refuse } from "../config/hooks.ts";
export { defineKind } from "../config/kinds.ts";

/** @throws Error that names what to run or import instead */
export function createParlor(): Parlor {
  throw new Error(
    'createParlor runs in Cloudflare Workers only; start the Worker with "wrangler dev", or import "parlor/client" to join a room',
  );
}
