import { describe, it } from "vitest";
import { runsFor } from "../../conformance/cases.ts";
import { expectServerPasses } from "../../conformance/run-server.ts";
import { FakeTarget } from "./fake-target.ts";

describe("the fake server behaves as the room does in every case of test/conformance", () => {
  it.for(runsFor("server", ["websocket", "sse"]))("$title", (run) =>
    expectServerPasses(run, new FakeTarget()),
  );
});
