import { env } from "cloudflare:workers";

import { kinds } from "../rooms.ts";
import { createParlor } from "./parlor.ts";

// At the top level, so that a Worker with an invalid configuration does not start.
const parlor = createParlor({ kinds, env });

/** The classes behind the bindings `ROOM` and `REGISTRY`. */
export const { Room, Registry } = parlor;

export default parlor.handler;
