import { env } from "cloudflare:workers";

import type { RoomClass } from "../../../src/room/api.ts";
import { kinds } from "../../../src/rooms.ts";
import type { Env } from "../../../src/worker/env.ts";
import { createParlor } from "../../../src/worker/parlor.ts";
import { installClock, putForward, realNow } from "./clock.ts";
import { Meter } from "./meter.ts";

installClock();

const parlor = createParlor({ kinds, env: env as unknown as Env });

/** The deployed room with a meter. */
export const Room = metered(parlor.Room);

/** The deployed server with two additional addresses for the meter, which reach no room. */
const handler: typeof parlor.handler = {
  fetch(request) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/meter/mark":
        console.log(JSON.stringify({ mark: url.searchParams.get("name"), at: realNow() }));
        return new Response(null, { status: 204 });
      case "/meter/put-forward":
        putForward(Number(url.searchParams.get("ms")));
        return new Response(null, { status: 204 });
      default:
        return parlor.handler.fetch(request);
    }
  },
};

// oxlint-disable-next-line import/no-default-export -- the runtime looks for the handler there
export default handler;

/** Returns a class in which every method that the platform can call counts as an event: handlers and remote calls. */
function metered(Inner: RoomClass): RoomClass {
  const meters = new WeakMap<object, Meter>();
  class MeteredRoom extends Inner {
    constructor(ctx: DurableObjectState, bindings: unknown) {
      const meter = new Meter(ctx);
      super(ctx, bindings);
      meters.set(this, meter);
    }
  }
  for (const name of Object.getOwnPropertyNames(Inner.prototype)) {
    const method: unknown = Reflect.get(Inner.prototype, name);
    if (name === "constructor" || typeof method !== "function") continue;
    Object.defineProperty(MeteredRoom.prototype, name, {
      value(this: object, ...args: unknown[]): unknown {
        const work = (): unknown => Reflect.apply(method, this, args);
        const meter = meters.get(this);
        return meter === undefined ? work() : meter.handle(name, work);
      },
    });
  }
  return MeteredRoom;
}
