import { env } from "cloudflare:workers";

import { kinds } from "../rooms.ts";
import { createParlor } from "./parlor.ts";

// At the top, so that a Worker with a bad configuration does not start at all.
const parlor = createParlor({ kinds, env });

/** The classes behind the bindings `ROOM` and `REGISTRY`. */
export const { Room, Registry } = parlor;

export default parlor.handler;
