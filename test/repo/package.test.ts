import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, posix } from "node:path";
import { gzipSync } from "node:zlib";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { build } from "esbuild";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { beforeAll, describe, expect, it } from "vitest";
import { importsIn } from "../support/import-graph.ts";
import { packParlor, type Package } from "../support/package.ts";
import { scratchDir } from "../support/project.ts";
import { absolute } from "../support/repository.ts";

/** The part of package.json that these tests read. */
interface Manifest {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** How long the build and `npm pack` may take on a busy machine, in milliseconds. */
const BUILD_TIMEOUT_MS = 120_000;

let parlor: Package;
let manifest: Manifest;
/** The paths of all files of the package. */
let files: string[];

beforeAll(async () => {
  parlor = await packParlor();
  manifest = JSON.parse(content("package.json")) as Manifest;
  files = readdirSync(parlor.folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => posix.relative(parlor.folder, join(entry.parentPath, entry.name)));
}, BUILD_TIMEOUT_MS);

function content(path: string): string {
  return readFileSync(join(parlor.folder, path), "utf8");
}

/** What a module or a declaration file imports: packages by their names, other files by their paths in the package. */
function importsOf(path: string): string[] {
  return importsIn(content(path)).map(({ specifier }) => {
    if (specifier === undefined) throw new Error(`${path} imports a computed path`);
    if (specifier.startsWith(".")) return posix.join(posix.dirname(path), specifier);
    return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  });
}

/** What the names that a bundler chooses may add, in bytes after gzip. */
const SPARE_BYTES = 128;

/** The size of an application that only joins, after gzip. */
async function bundledBytes(folder: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: 'export { joinRoom } from "./join-room";', resolveDir: folder },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  return outputFiles.reduce((sum, { contents }) => sum + gzipSync(contents).length, 0);
}

describe("the package", () => {
  it("the package contains compiled modules with their declarations and source maps, and no sources", () => {
    const modules = files.filter((path) => path.endsWith(".js"));
    const compiled = modules.flatMap((path) => [path, `${path}.map`, path.replace(/js$/, "d.ts")]);

    expect(modules).not.toEqual([]);
    expect(files.toSorted()).toEqual(
      [...compiled, "CHANGELOG.md", "LICENSE", "README.md", "package.json"].toSorted(),
    );
  });

  it("every entry of the package has a module and its types", () => {
    const targets = Object.values(manifest.exports).flatMap((target) =>
      typeof target === "string" ? [target] : Object.values(target),
    );

    expect(Object.keys(manifest.exports)).toEqual(
      expect.arrayContaining([".", "./client", "./client/proto", "./package.json"]),
    );
    expect(targets.filter((path) => !files.includes(posix.normalize(path)))).toEqual([]);
  });

  it("every import in the package finds a file of the package or a declared dependency", () => {
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    const known = new Set([...files, ...declared, "cloudflare:workers"]);
    const imports = files
      .filter((path) => /\.(js|d\.ts)$/.test(path))
      .flatMap((path) => importsOf(path).map((target) => ({ path, target })));

    expect(imports).not.toEqual([]);
    expect(imports.filter(({ target }) => !known.has(target))).toEqual([]);
    expect(declared.filter((name) => imports.every(({ target }) => target !== name))).toEqual([]);
  });

  it("the client imports no package, except in its entry for the binary dialect, and nothing of Node", () => {
    const reached = new Set<string>();
    const visit = (path: string): void => {
      if (reached.has(path)) return;
      reached.add(path);
      if (path.startsWith("dist/")) for (const target of importsOf(path)) visit(target);
    };
    visit("dist/lib/client/index.js");

    expect(reached).toContain("dist/lib/client/transports/sse-transport.js");
    expect([...reached].filter((path) => !path.startsWith("dist/lib/"))).toEqual([]);
    expect(builtinModules.filter((name) => reached.has(name))).toEqual([]);
  });

  it("Node.js can import the server to test kinds, and createParlor says what to run or import instead", () => {
    const folder = scratchDir("node");
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(parlor.folder, join(folder, "node_modules/parlor"));
    writeFileSync(join(folder, "program.mjs"), NODE_PROGRAM);

    const { stdout, stderr } = spawnSync(process.execPath, ["program.mjs"], {
      cwd: folder,
      encoding: "utf8",
    });

    rmSync(folder, { recursive: true });
    expect(stderr).toBe("");
    expect(stdout).toBe(
      'ConfigError, createParlor, defineKind, refuse\ncreateParlor runs in Cloudflare Workers only; start the Worker with "wrangler dev", or import "parlor/client" to join a room\n',
    );
  });

  it("the server has the same exports in Node.js as in Workers", () => {
    const [workerd, node] = ["parlor", "parlor-in-node"].map((name) =>
      [...content(`dist/lib/worker/${name}.js`).matchAll(/^export (?:\{ ([^}]+?),? \}|function (\w+))/gm)]
        .flatMap(([, list, single = ""]) => list?.split(", ") ?? [single])
        .toSorted(),
    );

    expect(workerd).toContain("createParlor");
    expect(node).toEqual(workerd);
  });

  it("every source map contains its source", () => {
    const maps = files.filter((path) => path.endsWith(".map"));
    const incomplete = maps.filter((path) => {
      const { sources, sourcesContent } = JSON.parse(content(path)) as Record<string, (string | null)[]>;
      return sources?.length !== 1 || typeof sourcesContent?.[0] !== "string";
    });

    expect(incomplete).toEqual([]);
  });

  it("a bundle of the packed client is as small as a bundle of its sources", async () => {
    const [packed, sources] = await Promise.all(
      [join(parlor.folder, "dist/lib/client"), absolute("src/client")].map(bundledBytes),
    );

    expect(packed).toBeGreaterThan(0);
    expect(packed).toBeLessThanOrEqual(Number(sources) + SPARE_BYTES);
  });

  it("publint has no complaint about the package", async () => {
    const tarball = Uint8Array.from(readFileSync(parlor.tarball)).buffer;

    const { messages } = await publint({ pack: { tarball }, strict: true });

    const pkg = manifest as unknown as Record<string, unknown>;
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  it("are-the-types-wrong finds no problem with ESM imports of the package", async () => {
    const result = await checkPackage(createPackageFromTarballData(readFileSync(parlor.tarball)));
    if (!result.types) throw new Error("the package has no types");

    // The package is ESM only. `node10` does not know `exports`, and TypeScript 7 no longer has it.
    const relevant = result.problems.filter(
      (problem) =>
        !("resolutionKind" in problem && ["node10", "node16-cjs"].includes(problem.resolutionKind)),
    );
    expect(relevant).toEqual([]);
  });
});

/** An application's use of the client. */
const CLIENT_PROGRAM = `
import { joinRoom, ParlorError, type JoinOptions, type Room, type RoomMessage } from "parlor/client";
import { proto } from "parlor/client/proto";

const options: JoinOptions = { presence: { name: "Ana" }, dialect: proto };
const room: Room = joinRoom("https://parlor.example/rooms/lobby", options);
room.on("message", (message: RoomMessage) => console.log(message.data));
room.publish("chat", "hello").catch((error: unknown) => {
  if (error instanceof ParlorError) console.log(error.code);
});
`;

/** A Worker that serves rooms. */
const WORKER_PROGRAM = `
import { env } from "cloudflare:workers";
import { createParlor, defineKind, refuse, type Kinds, type KindHooks } from "parlor";

const hooks: KindHooks = { onSet: () => refuse("no") };
export const kinds = { default: defineKind({ text: "Anything.", anonymous: true, hooks }) } satisfies Kinds;
export const parlor = createParlor({ kinds, env });
export const { Room, Registry } = parlor;
export default parlor.handler;
`;

/** A program that imports the server in Node.js. */
const NODE_PROGRAM = `
import * as parlor from "parlor";
console.log(Object.keys(parlor).join(", "));
try {
  parlor.createParlor({ kinds: {}, env: {} });
} catch (error) {
  console.log(error.message);
}
`;

/** Who compiles what, with which options. */
const TYPE_CHECKS = [
  [
    "a browser application",
    CLIENT_PROGRAM,
    { module: "esnext", moduleResolution: "bundler", lib: "es2022,dom" },
  ],
  ["a Node.js application", CLIENT_PROGRAM, { module: "node16", lib: "es2022", types: "node" }],
  [
    "a Node.js application with DOM types",
    CLIENT_PROGRAM,
    { module: "nodenext", lib: "es2022,dom", types: "node" },
  ],
  [
    "a Worker",
    WORKER_PROGRAM,
    { module: "esnext", moduleResolution: "bundler", lib: "es2022", types: "@cloudflare/workers-types" },
  ],
  [
    "a Worker that joins rooms",
    CLIENT_PROGRAM,
    { module: "esnext", moduleResolution: "bundler", lib: "es2022", types: "@cloudflare/workers-types" },
  ],
] as const;

describe("types of the package", () => {
  it.each(TYPE_CHECKS)("the types compile in %s, without skipLibCheck", (_who, program, options) => {
    const folder = scratchDir("types");
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(parlor.folder, join(folder, "node_modules/parlor"));
    for (const name of ["@cloudflare", "@types", "undici-types"]) {
      symlinkSync(absolute(`node_modules/${name}`), join(folder, "node_modules", name));
    }
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    writeFileSync(join(folder, "program.ts"), program);
    const { types = "", ...others } = options as Record<string, string>;

    const { stdout } = spawnSync(
      absolute("node_modules/.bin/tsc"),
      [
        ...["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess"],
        ...["--target", "es2022", "--types", types],
        ...Object.entries(others).flatMap(([name, value]) => [`--${name}`, value]),
        "program.ts",
      ],
      { cwd: folder, encoding: "utf8" },
    );

    rmSync(folder, { recursive: true });
    expect(stdout).toBe("");
  });
});
