import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort, LOOPBACK } from "../support/loopback-port.ts";
import { ProcessGroup } from "../support/process-group.ts";
import { projectRoot, scratchDir, toolEnvironment } from "../support/project.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { startServer } from "../support/server.ts";

/** The maximum time until a change is served. */
const RELOAD = { timeout: 30_000, interval: 100 };

let project: string;
let server: ServerProcess;

beforeAll(async () => {
  project = scratchDir("project");
  for (const path of ["package.json", "tsconfig.json", "wrangler.toml", "src"]) {
    cpSync(join(projectRoot, path), join(project, path), { recursive: true });
  }
  symlinkSync(join(projectRoot, "node_modules"), join(project, "node_modules"));
  server = await startServer({ config: join(project, "wrangler.toml") });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(project, { recursive: true, force: true });
});

/** Replaces a part of a file, like a developer who saves it in an editor. */
function edit(path: string, before: string, after: string): void {
  const text = readFileSync(join(project, path), "utf8");
  expect(text).toContain(before);
  writeFileSync(join(project, path), text.replace(before, after));
}

/** The status of a request, or "none" while the server restarts. */
async function statusOf(path: string): Promise<number | "none"> {
  return fetch(server.url + path).then(
    ({ status }) => status,
    () => "none",
  );
}

async function textOf(path: string): Promise<string> {
  return fetch(server.url + path).then(
    (response) => response.text(),
    () => "none",
  );
}

describe("npm run dev", () => {
  it("npm run dev serves a kind that is added to src/rooms.ts without a restart", async () => {
    expect(await statusOf("/rooms/fresh:one")).toBe(404);

    edit(
      "src/rooms.ts",
      "} satisfies Kinds",
      'fresh: defineKind({ text: "new", anonymous: true }) } satisfies Kinds',
    );

    await expect.poll(() => statusOf("/rooms/fresh:one"), RELOAD).toBe(200);
  });

  it("npm run dev serves a change to the demo page without a restart", async () => {
    edit("src/pages/demo/index.html", "<title>", "<title>edited ");

    await expect.poll(() => textOf("/"), RELOAD).toContain("<title>edited ");
  });

  it("[W5] npm run dev ends with the list of problems of an invalid configuration, and prints no stack trace or output of the runtime", async () => {
    const dev = new ProcessGroup(
      [
        process.execPath,
        join(project, "src/dev.ts"),
        ...["--ip", LOOPBACK, "--port", String(await freePort()), "--inspector-port", "0"],
        ...["--persist-to", join(project, "state"), "--show-interactive-dev-session", "false"],
        ...["--var", "MAX_MEMBER:5", "--var", "LOG_LEVEL:loud"],
      ],
      { cwd: project, env: toolEnvironment(project) },
    );

    const { code } = await dev.exited;

    const [, problems] = dev.output().split("Parlor does not start: its configuration has 2 problems.\n");
    expect(problems?.trimEnd().split("\n")).toEqual([
      '    - LOG_LEVEL is "loud", must be one of debug, info, warn, error',
      expect.stringContaining("    - MAX_MEMBER is not an option; rename it to MAX_MEMBERS"),
    ]);
    expect(code).toBe(1);
  });
});
