import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { ProcessGroup } from "../../support/process-group.ts";
import { scratchDir, toolEnvironment } from "../../support/project.ts";
import { absolute, read } from "../../support/repository.ts";

/** The output of a command, and how it ended. */
export interface Result {
  readonly output: string;
  readonly status: number | null;
}

/** Other packages by name, with their versions. */
export type Packages = Readonly<Record<string, string>>;

/** How long one command may take, in milliseconds. On a new machine npm downloads up to 100 MB for a runtime. */
const COMMAND_TIMEOUT_MS = 180_000;

/** Variables of the script and the test runner in which the tests run. They would change what npm installs. */
const FOREIGN_VARIABLES = /^(npm_(?!config_(cache|registry|.*proxy)$)|INIT_CWD$|NODE_ENV$|VITEST)/;

/** This repository's versions of some of its packages, so that each version stands in one place. */
export function ownVersions(...names: readonly string[]): Packages {
  const { devDependencies, overrides } = JSON.parse(read("package.json")) as {
    devDependencies: Packages;
    overrides: Readonly<Record<string, string | object>>;
  };
  return Object.fromEntries(
    names.map((name) => {
      const version = devDependencies[name] ?? overrides[name];
      if (typeof version !== "string") throw new Error(`package.json has no version of ${name}`);
      return [name, version];
    }),
  );
}

/** A project of a user, in an empty folder of its own, into which npm has installed the packed package. */
export class InstalledProject implements Disposable {
  readonly folder = scratchDir("project");
  readonly #environment: Record<string, string>;

  private constructor(name: string) {
    cpSync(absolute(`test/package/projects/${name}`), this.folder, { recursive: true });
    // In the project's own folder a tool would take these files for the user's.
    const home = join(this.folder, "node_modules/.home");
    mkdirSync(home, { recursive: true });
    const own = toolEnvironment(home);
    this.#environment = {
      ...own,
      PATH: `${join(this.folder, "node_modules/.bin")}${delimiter}${own["PATH"]}`,
    };
  }

  /**
   * Copies a folder of `projects/`, and installs packages into it.
   *
   * @param packages what it installs besides Parlor
   */
  static async install(name: string, tarball: string, packages: Packages): Promise<InstalledProject> {
    const project = new InstalledProject(name);
    const manifest = {
      name,
      private: true,
      type: "module",
      dependencies: { parlor: `file:${tarball}`, ...packages },
    };
    project.write("package.json", JSON.stringify(manifest));
    const { output, status } = await project.#install();
    if (status !== 0) {
      project[Symbol.dispose]();
      throw new Error(`npm install failed in ${name}:\n${output}`);
    }
    return project;
  }

  /** Writes a file. */
  write(name: string, content: string): void {
    writeFileSync(join(this.folder, name), content);
  }

  /** The names of the files in a folder. */
  list(name: string): string[] {
    return readdirSync(join(this.folder, name));
  }

  /** Runs a command, usually one that a package installed, until it ends. */
  run(command: string, ...args: readonly string[]): Promise<Result> {
    return this.#run(command, args, this.#environment);
  }

  /** Installs packages with the developer's own settings of npm, because a machine may reach the registry only with them. */
  #install(): Promise<Result> {
    const own = Object.entries(process.env).filter(([name]) => !FOREIGN_VARIABLES.test(name));
    return this.#run(
      "npm",
      ["install", "--prefer-offline", "--no-audit", "--no-fund"],
      Object.fromEntries(own),
    );
  }

  async #run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Result> {
    const child = spawn(command, args, {
      cwd: this.folder,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: COMMAND_TIMEOUT_MS,
    });
    const [stdout, stderr] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "close"),
    ]);
    return { output: stdout + stderr, status: child.exitCode };
  }

  /** Starts a command that runs until it is killed. */
  start(...command: readonly string[]): ProcessGroup {
    return new ProcessGroup(command, { cwd: this.folder, env: this.#environment });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
