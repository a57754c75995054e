import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort, LOOPBACK } from "../support/loopback-port.ts";
import { ProcessGroup } from "../support/process-group.ts";
import { projectRoot, scratchDir, toolEnvironment } from "../support/project.ts";
import { ServerProcess } from "../support/server-process.ts";
import { startServer } from "../support/server.ts";

/** The maximum time until a change is served. */
const RELOAD = { timeout: 30_000, interval: 100 };

let project: string;
let server: ServerProcess;

beforeAll(async () => {
  project = copyProject();
  server = await startServer({ config: join(project, "wrangler.toml") });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(project, { recursive: true, force: true });
});

/** Copies what a clone needs to run, so that its files can be edited. */
function copyProject(): string {
  const copy = scratchDir("project");
  for (const path of ["package.json", "tsconfig.json", "wrangler.toml", "src"]) {
    cpSync(join(projectRoot, path), join(copy, path), { recursive: true });
  }
  symlinkSync(join(projectRoot, "node_modules"), join(copy, "node_modules"));
  return copy;
}

/** Replaces a part of a file, like a developer who saves it in an editor. */
function edit(path: string, before: string, after: string): void {
  const text = readFileSync(path, "utf8");
  expect(text).toContain(before);
  writeFileSync(path, text.replace(before, after));
}

/** The status of a request, or "none" while the server restarts. */
async function statusOf(url: string): Promise<number | "none"> {
  return fetch(url).then(
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
    expect(await statusOf(`${server.url}/rooms/fresh:one`)).toBe(404);

    edit(
      join(project, "src/rooms.ts"),
      "} satisfies Kinds",
      'fresh: defineKind({ text: "new", anonymous: true }) } satisfies Kinds',
    );

    await expect.poll(() => statusOf(`${server.url}/rooms/fresh:one`), RELOAD).toBe(200);
  });

  it("npm run dev serves a change to the demo page without a restart", async () => {
    edit(join(project, "src/pages/demo/index.html"), "<title>", "<title>edited ");

    await expect.poll(() => textOf("/"), RELOAD).toContain("<title>edited ");
  });

  it("[W5] npm run dev ends with the list of problems of an invalid configuration, and prints no stack trace or output of the runtime", async () => {
    const dev = new ProcessGroup(
      [...devCommand(project, await freePort()), "--var", "MAX_MEMBER:5", "--var", "LOG_LEVEL:loud"],
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

  it("[W5] npm run dev prints the problems of a kind that is saved with an invalid option, and serves the corrected kind once that is saved", async () => {
    const copy = copyProject();
    const rooms = join(copy, "src/rooms.ts");
    const port = await freePort();
    await using dev = await ServerProcess.start({
      command: devCommand(copy, port),
      cwd: copy,
      env: toolEnvironment(copy),
      port,
      storage: join(copy, "state"),
      scratch: [copy],
    });

    edit(rooms, "graceMs: 30_000", "graceMs: -1");
    await expect.poll(() => dev.output(), RELOAD).toContain("The server starts again when you save a file.");
    edit(rooms, "graceMs: -1", "graceMs: 20_000");

    await expect.poll(() => statusOf(`${dev.url}/rooms/chat:one`), RELOAD).toBe(200);
    const [, problems] = dev.output().split("Parlor does not start: its configuration has a problem.\n");
    expect(problems).toMatch(
      /^ {4}- kind "chat": graceMs is -1, must be a whole number from 0 to 600000 \(ms\)\n\nThe server starts/,
    );
  });
});

/** The command of `npm run dev` in a copy of the project. */
function devCommand(copy: string, port: number): string[] {
  return [
    process.execPath,
    join(copy, "src/dev.ts"),
    ...["--ip", LOOPBACK, "--port", String(port), "--inspector-port", "0"],
    ...["--persist-to", join(copy, "state"), "--show-interactive-dev-session", "false"],
  ];
}
