import { describe, expect } from "vitest";
import { OPTIONS } from "../../../src/config/options.ts";
import { ERRORS } from "../../../src/protocol/errors.ts";
import { startBareRuntime } from "../../support/bare-runtime.ts";
import { at } from "../../support/sample-project.ts";
import { itWithServer } from "../../support/sample-server.ts";
import { samplesOf } from "../../support/samples.ts";

const [frame, request] = samplesOf("docs/errors.md", "json", "sh");

const it = itWithServer(() => startBareRuntime());

describe("docs/errors.md", () => {
  it("the error of docs/errors.md has a known code and limit", () => {
    const { code, limit } = JSON.parse(frame) as { code: string; limit: string };

    expect(Object.keys(ERRORS)).toContain(code);
    expect(Object.keys(OPTIONS)).toContain(limit);
  });

  it("[E1 N1] the request of docs/errors.md is rejected with a status and an error", async ({
    project,
    server,
  }) => {
    const { stdout } = await project.shell(at(server, request));

    expect(stdout).toMatch(/^HTTP\/1.1 400 /);
    expect(stdout).toContain('"code":"bad_room"');
  });
});
