import type { Env as WorkerEnv } from "../../src/worker/env.ts";
import type * as worker from "../../src/worker/index.ts";

/** Declares what `env` and `exports` of `cloudflare:workers` hold in the tests that run in workerd. */
declare global {
  namespace Cloudflare {
    interface Env extends WorkerEnv {}
    interface GlobalProps {
      mainModule: typeof worker;
      durableNamespaces: "Room";
    }
  }
}
