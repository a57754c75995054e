import { fileURLToPath } from "node:url";
import { startBareRuntime } from "../../support/bare-runtime.ts";
import type { Contender } from "./contender.ts";
import type { Dialect } from "./dialect.ts";

/** What is sent is what arrives. */
const asItIs = { publish: (json) => json } satisfies Partial<Dialect>;

const configOf = (worker: string): string =>
  fileURLToPath(new URL(`../workers/${worker}/wrangler.toml`, import.meta.url));

/** The least that a room of hibernatable WebSockets can do. */
export const bare: Contender = {
  name: "bare",
  about: "a Durable Object with hibernatable WebSockets and a loop over them",
  dialect: { ...asItIs, path: (room) => `/${room}` },
  start: ({ runner }) => startBareRuntime({ config: configOf("bare"), runner }),
};

/** The library partyserver. */
export const partyserver: Contender = {
  name: "partyserver",
  about: "partyserver on a Durable Object, hibernating, with its broadcast",
  dialect: { ...asItIs, path: (room, { key }) => `/parties/room/${room}?_pk=${key}` },
  start: ({ runner }) => startBareRuntime({ config: configOf("partyserver"), runner }),
};
