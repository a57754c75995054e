import { env } from "cloudflare:workers";
import { kinds } from "../../../src/rooms.ts";
import { createParlor } from "../../../src/worker/parlor.ts";
import type { Serve } from "./rooms.ts";

/**
 * A Worker beside that of wrangler.toml, before the same rooms, with other variables or bindings. Options of kinds
 * have no effect: the rooms are configured by wrangler.toml.
 */
export function serverWith(bindings: Readonly<Record<string, unknown>>): Serve {
  const { handler } = createParlor({ kinds, env: { ...env, ...bindings } });
  return (request) => handler.fetch(request);
}
