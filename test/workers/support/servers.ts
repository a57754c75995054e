import { env } from "cloudflare:workers";
import { kinds } from "../../../src/rooms.ts";
import { createParlor } from "../../../src/worker/parlor.ts";
import type { Serve } from "./rooms.ts";

/**
 * Another Worker than that of wrangler.toml for the same rooms, with other variables or bindings. Options of kinds have
 * no effect, because wrangler.toml configures the rooms.
 */
export function serverWith(bindings: Readonly<Record<string, unknown>>): Serve {
  const { handler } = createParlor({ kinds, env: { ...env, ...bindings } });
  return (request) => handler.fetch(request);
}
