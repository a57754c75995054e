import { fileURLToPath } from "node:url";
import { startBareRuntime } from "../../support/bare-runtime.ts";
import type { Contender } from "./contender.ts";
import type { Dialect } from "./dialect.ts";

/** Messages arrive as they were sent. */
const asItIs = { publish: (json) => json } satisfies Partial<Dialect>;

const configOf = (worker: string): string =>
  fileURLToPath(new URL(`../workers/${worker}/wrangler.toml`, import.meta.url));

/** The minimum that a room with hibernatable WebSockets can do. */
export const bare: Contender = {
  name: "bare",
  about: "a Durable Object that loops over its hibernatable WebSockets",
  dialect: { ...asItIs, path: (room) => `/${room}` },
  start: ({ runner }) => startBareRuntime({ config: configOf("bare"), runner }),
};

/** The partyserver library. */
export const partyserver: Contender = {
  name: "partyserver",
  about: "partyserver on a Durable Object with hibernation, using its broadcast",
  dialect: { ...asItIs, path: (room, { key }) => `/parties/room/${room}?_pk=${key}` },
  start: ({ runner }) => startBareRuntime({ config: configOf("partyserver"), runner }),
};
