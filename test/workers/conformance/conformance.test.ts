import { afterEach, describe, it, vi } from "vitest";
import { runsFor } from "../../conformance/cases.ts";
import { expectServerPasses } from "../../conformance/run-server.ts";
import { WorkerTarget } from "./worker-target.ts";

afterEach(() => vi.useRealTimers());

describe("the room passes every case of test/conformance", () => {
  it.for(runsFor("server", ["websocket", "sse", "long-poll"]))("$title", (run) =>
    expectServerPasses(run, new WorkerTarget()),
  );
});
