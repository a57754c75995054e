import { env } from "cloudflare:workers";
import type { Env } from "../../../src/worker/env.ts";
import { createParlor } from "../../../src/worker/parlor.ts";
import { TEST_KINDS } from "./test-kinds.ts";

// The unchanged Worker of wrangler.toml, with an additional class of rooms.
// oxlint-disable-next-line import/no-default-export -- it is the entry of a Worker
export { default, Registry, Room } from "../../../src/worker/index.ts";

/** The class behind the binding `KINDS_ROOM`, which exists only in tests: rooms of the kinds in test-kinds.ts. */
export const { Room: KindsRoom } = createParlor({ kinds: TEST_KINDS, env: env as unknown as Env });
