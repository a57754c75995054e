import { describe, expect, it } from "vitest";
import { SampleProject } from "../../support/sample-project.ts";
import { programsIn, samplesOf } from "../../support/samples.ts";

const [tests = "", ...others] = programsIn(samplesOf("docs/testing.md", "ts", "ts", "ts"));

/** A test for the runner of Node, over both transports. */
const NODE_TEST = `
import assert from "node:assert/strict";
import { it } from "node:test";
import { joinRoom } from "parlor/client";
import { createFakeServer } from "parlor/testing";

for (const transport of ["websocket", "sse"] as const) {
  it(transport, async () => {
    const server = createFakeServer();
    const url = "https://parlor.test/rooms/lobby";
    const room = joinRoom(url, { ...server.joinOptions(), transports: [transport] });
    assert.deepEqual(await room.publish("chat", 1), { offset: 1 });
    server.drop();
    assert.deepEqual(await room.publish("chat", 2), { offset: 2 });
    room.close();
  });
}
`;

describe("docs/testing.md", () => {
  it("the samples of docs/testing.md are one file of tests, which pass in Vitest", async () => {
    using project = await SampleProject.create();
    project.write("rooms.test.ts", tests);

    const { stdout, stderr, status } = await project.shell("npx vitest run --reporter=verbose rooms.test.ts");

    expect(others).toEqual([]);
    expect(`${stdout}${stderr}`).toContain("5 passed");
    expect(status).toBe(0);
  });

  it("the fake server works in the test runner of Node, as docs/testing.md says", async () => {
    using project = await SampleProject.create();
    project.write("node.test.ts", NODE_TEST);

    const { stdout, status } = await project.shell("node --test --test-reporter=tap node.test.ts");

    expect(stdout).toContain("# pass 2");
    expect(status).toBe(0);
  });
});
