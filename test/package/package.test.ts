import { execFile } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TransportName } from "../../src/client/index.ts";
import { browserAvailable, launchBrowser } from "../support/browser.ts";
import { freePort, LOOPBACK } from "../support/loopback-port.ts";
import { tarballName } from "../support/package.ts";
import { projectRoot, scratchDir, toolEnvironment } from "../support/project.ts";
import { ServerProcess } from "../support/server-process.ts";
import { completeConfig } from "../support/sample-project.ts";
import { InstalledProject, ownVersions, type Packages } from "./support/installed-project.ts";

/** Versions of packages that only users' projects have. */
const RUNTIMES = { "node 20": "20.20.2", deno: "2.9.6", bun: "1.4.4" };
const OLDER_TYPESCRIPT = "5.9.3";
const REACT: Packages = { react: "19.3.1", "react-dom": "19.3.1" };
const REACT_TOOLS: Packages = {
  "@types/react": "19.3.0",
  "@types/react-dom": "19.3.0",
  "@vitejs/plugin-react": "6.3.0",
};

const why = browserAvailable.ok ? "" : ` (skipped: ${browserAvailable.why})`;

let tarball: string;
/** A Worker of a user, which serves rooms for the other projects. */
let worker: InstalledProject;
let server: ServerProcess;
const scratch = scratchDir("tarball");

beforeAll(async () => {
  await promisify(execFile)("npm", ["pack", "--pack-destination", scratch], {
    cwd: projectRoot,
    env: toolEnvironment(join(scratch, "home")),
  });
  tarball = join(scratch, tarballName());
  worker = await InstalledProject.install(
    "worker",
    tarball,
    ownVersions("wrangler", "typescript", "@cloudflare/workers-types"),
  );
  server = await serve(worker);
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  worker?.[Symbol.dispose]();
  rmSync(scratch, { recursive: true, force: true });
});

/** Starts the Worker with `wrangler dev`, with the configuration that the documentation gives. */
async function serve(project: InstalledProject): Promise<ServerProcess> {
  project.write("wrangler.toml", completeConfig());
  const port = await freePort();
  const home = join(scratch, "wrangler");
  mkdirSync(home);
  return ServerProcess.start({
    command: [
      process.execPath,
      join(project.folder, "node_modules/wrangler/bin/wrangler.js"),
      "dev",
      ...["--ip", LOOPBACK, "--port", String(port), "--inspector-port", "0"],
      ...["--show-interactive-dev-session", "false"],
    ],
    cwd: project.folder,
    env: toolEnvironment(home),
    port,
    storage: join(project.folder, ".wrangler"),
    scratch: [],
  });
}

/** What `projects/program` prints after it has joined in each way and received a reply each time. */
function replies(...transports: readonly TransportName[]): RegExp {
  const lines = transports.map((transport) => `received \\{"to":"[^"]*"\\} over ${transport}`);
  return new RegExp(`^${lines.join("\n")}$`, "m");
}

/** The outcome of `poor-runtime.ts` of `projects/program`. The errors of its listener are reported, and stop nothing. */
const POOR = {
  output: expect.stringMatching(/^received .+ over sse\n(.*\n)*?received .+ over long-poll$/m) as string,
  status: 0,
};

/** The transports of `projects/program` on a runtime with a WebSocket: the default in both dialects, and the others. */
const EACH_TRANSPORT = ["websocket", "websocket", "sse", "long-poll"] as const;

/** A room's address, of a new room for each project. */
function room(name: string): string {
  return `${server.url}/rooms/${name}`;
}

describe("an application that installs the package", () => {
  it("a Worker with a strict tsconfig compiles against the package", async () => {
    expect(await worker.run("tsc")).toEqual({ output: "", status: 0 });
  });

  it("a Worker with the types that `wrangler types` generates compiles against the package", async () => {
    const generated = await worker.run("wrangler", "types", "runtime.d.ts");
    expect(generated).toMatchObject({ status: 0 });

    const options = ["--ignoreConfig", "--noEmit", "--strict", "--target", "es2024", "--module", "esnext"];
    const others = ["--moduleResolution", "bundler", "--lib", "es2024", "--types", ""];
    expect(await worker.run("tsc", ...options, ...others, "worker.ts", "runtime.d.ts")).toEqual({
      output: "",
      status: 0,
    });
  });

  it("a program on Node.js 22 joins over WebSocket in both dialects, over SSE and over long-poll", async () => {
    using project = await InstalledProject.install(
      "program",
      tarball,
      ownVersions("node", "typescript", "@types/node", "ws", "@types/ws"),
    );

    expect(await project.run("tsc")).toEqual({ output: "", status: 0 });
    const { output, status } = await project.run("node", "compiled/program.js", room("node-22"));
    expect(output).toMatch(replies(...EACH_TRANSPORT));
    expect(output).toContain("has WebSocket");
    expect(status).toBe(0);
    expect(await project.run("node", "compiled/poor-runtime.js", room("node-22-poor"))).toMatchObject(POOR);
  });

  it("a program on Node.js 20, which has no WebSocket, joins over SSE and long-poll, reports what it lacks for WebSocket, and joins with the WebSocket of a package", async () => {
    using project = await InstalledProject.install("program", tarball, {
      node: RUNTIMES["node 20"],
      typescript: OLDER_TYPESCRIPT,
      ...ownVersions("@types/node", "ws", "@types/ws"),
    });

    expect((await project.run("node", "--version")).output).toMatch(/^v20\./);
    expect(await project.run("tsc")).toEqual({ output: "", status: 0 });
    const { output, status } = await project.run("node", "compiled/program.js", room("node-20"));
    expect(output).toMatch(replies("sse", "sse", "sse", "long-poll"));
    expect(output).toContain(
      "rejected false no transport of [websocket] works here (Node.js has WebSocket from version 22)",
    );
    expect(status).toBe(0);
    expect(await project.run("node", "compiled/with-ws.js", room("ws"))).toEqual({
      output: "stored as 1\n",
      status: 0,
    });
  });

  it("a test in Node's test runner runs against the fake server of parlor/testing", async () => {
    using project = await InstalledProject.install(
      "testing",
      tarball,
      ownVersions("node", "typescript", "@types/node"),
    );

    expect(await project.run("tsc")).toEqual({ output: "", status: 0 });
    expect(await project.run("node", "--test", "compiled/chat.test.js")).toMatchObject({
      output: expect.stringContaining("pass 1\n") as string,
      status: 0,
    });
  });

  it("a program on Deno joins, in both dialects and over each transport", async () => {
    using project = await InstalledProject.install("program", tarball, { deno: RUNTIMES.deno });

    const { output, status } = await project.run("deno", "run", "--allow-net", "program.ts", room("deno"));
    expect(output).toMatch(replies(...EACH_TRANSPORT));
    expect(output).toContain("has WebSocket");
    expect(status).toBe(0);
  });

  it("a program on Bun joins, in both dialects and over each transport", async () => {
    using project = await InstalledProject.install("program", tarball, { bun: RUNTIMES.bun });

    const { output, status } = await project.run("bun", "run", "program.ts", room("bun"));
    expect(output).toMatch(replies(...EACH_TRANSPORT));
    expect(output).toContain("has WebSocket");
    expect(status).toBe(0);
  });
});

describe.skipIf(!browserAvailable.ok)("a page that installs the package", () => {
  it(`a React application with hooks that Vite builds joins over each transport in Chromium, and renders on a server${why}`, async () => {
    using project = await InstalledProject.install("vite-react", tarball, {
      ...REACT,
      ...REACT_TOOLS,
      ...ownVersions("vite", "typescript"),
    });

    expect(await project.run("tsc")).toEqual({ output: "", status: 0 });
    expect(await project.run("vite", "build")).toMatchObject({ status: 0 });
    expect(project.list("dist/assets").filter((name) => name.startsWith("sse-transport-"))).toHaveLength(1);
    const port = await freePort();
    const files = project.start(
      "vite",
      "preview",
      "--host",
      LOOPBACK,
      "--port",
      String(port),
      "--strictPort",
    );
    await expect.poll(() => files.output(), { timeout: 60_000 }).toContain(`:${port}`);
    {
      await using browser = await launchBrowser();
      const page = await browser.newPage();
      await page.goto(`http://${LOOPBACK}:${port}/?room=${encodeURIComponent(room("vite"))}`);
      for (const transport of ["websocket", "sse", "long-poll"]) {
        const reply = page.locator("li", { hasText: `{"to":"${transport}"} in a room of 1` });
        await reply.first().waitFor({ timeout: 60_000 });
      }
    }
    await files.kill();

    expect(await project.run("vite", "build", "--ssr", "src/server.tsx")).toMatchObject({ status: 0 });
    const { output } = await project.run(process.execPath, "dist/server.js");
    expect(output).toContain("<h1>Greetings</h1>");
  });
});
