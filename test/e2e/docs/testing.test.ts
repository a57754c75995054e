import { describe, expect, it } from "vitest";
import { SampleProject } from "../../support/sample-project.ts";
import { programsIn, samplesOf } from "../../support/samples.ts";

const [tests = "", ...others] = programsIn(samplesOf("docs/testing.md", "ts", "ts", "ts"));

describe("docs/testing.md", () => {
  it("the samples of docs/testing.md are one file of tests, which pass in Vitest", async () => {
    using project = new SampleProject();
    project.write("rooms.test.ts", tests);

    const { stdout, stderr, status } = await project.shell("npx vitest run --reporter=verbose rooms.test.ts");

    expect(others).toEqual([]);
    expect(`${stdout}${stderr}`).toContain("5 passed");
    expect(status).toBe(0);
  });
});
