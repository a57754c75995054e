import { test, type TestAPI } from "vitest";
import { SampleProject } from "./sample-project.ts";
import type { ServerProcess } from "./server-process.ts";

/** What the tests of a page receive. The tests of a file share both. */
interface SampleFixtures {
  /** The folder in which the page's samples run. */
  readonly project: SampleProject;
  /** The server that the samples use. */
  readonly server: ServerProcess;
}

/**
 * The `it` for the samples of a page. It starts the server when the first test needs it, and stops it after the last test of
 * the file.
 */
export function itWithServer(
  start: (project: SampleProject) => Promise<ServerProcess>,
): TestAPI<SampleFixtures> {
  return test.extend<{ $file: SampleFixtures }>({
    project: [
      // oxlint-disable-next-line no-empty-pattern -- vitest reads the names of the fixtures that a fixture needs here
      async ({}, use) => {
        using project = await SampleProject.create();
        await use(project);
      },
      { scope: "file" },
    ],
    server: [
      async ({ project }, use) => {
        await using server = await start(project);
        await use(server);
      },
      { scope: "file" },
    ],
  });
}
