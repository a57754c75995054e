import { afterEach, beforeEach, describe, it, vi } from "vitest";
import { runsFor } from "../../conformance/cases.ts";
import { expectClientPasses } from "./run-client.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("joinRoom passes every case of test/conformance", () => {
  it.for(runsFor("client", ["websocket", "sse", "long-poll"]))("$title", (run) => expectClientPasses(run));
});
