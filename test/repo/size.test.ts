import { gzipSync } from "node:zlib";
import { build as bundle, type Plugin } from "esbuild";
import { expect, it } from "vitest";
import { absolute, read } from "../support/repository.ts";

/**
 * The maximum that a page loads to join over WebSocket, in bytes after gzip: 11.875 KiB. The code for the other transports, and that
 * of calls that many pages never use, is in separate files, which the client loads when it needs them.
 */
const MAX_CLIENT_BYTES = 12_160;

/** The maximum with all transports, and without the calls that are loaded later: 14.375 KiB. */
const MAX_TRANSPORTS_BYTES = 14_720;

/** The maximum of a bundle in one file, which contains all of it: 16.75 KiB. */
const MAX_WHOLE_CLIENT_BYTES = 17_152;

/** The maximum that the binary dialect adds. Most of it is the library that reads and writes Protobuf. */
const MAX_PROTO_BYTES = 24_576;

/** The maximum that checks with schemas add to the client, without the application's schemas: 1.5 KiB. */
const MAX_CHECKS_BYTES = 1_536;

/** The maximum that the React hooks add to the client: 2.375 KiB. React itself is not counted. */
const MAX_REACT_BYTES = 2_432;

const CLIENT = 'export { joinRoom } from "./index.ts";';
const CLIENT_AND_PROTO = `${CLIENT} export { proto } from "./proto.ts";`;
const CLIENT_AND_CHECKS = `${CLIENT} export { joinApp } from "./schemas.ts";`;
const CLIENT_AND_REACT = `${CLIENT} export * from "../react/index.ts";`;

it("the client without the code that it loads later fits its budget", async () => {
  expect(await bytesOf(CLIENT)).toBeLessThanOrEqual(MAX_CLIENT_BYTES);
});

it("the client with all transports fits its budget", async () => {
  expect(await bytesOf(CLIENT, { contains: /-transport\.ts$/ })).toBeLessThanOrEqual(MAX_TRANSPORTS_BYTES);
});

it("the client in one file fits its budget", async () => {
  expect(await bytesOf(CLIENT, { contains: /./ })).toBeLessThanOrEqual(MAX_WHOLE_CLIENT_BYTES);
});

it("the binary dialect fits its budget, and the client contains none of it", async () => {
  const client = await bytesOf(CLIENT);
  const added = (await bytesOf(CLIENT_AND_PROTO)) - client;

  expect(added).toBeLessThan(MAX_PROTO_BYTES);
  expect(added).toBeGreaterThan(client);
});

it("the React hooks fit their budget", async () => {
  const added = (await bytesOf(CLIENT_AND_REACT)) - (await bytesOf(CLIENT));

  expect(added).toBeLessThanOrEqual(MAX_REACT_BYTES);
});

it("the checks with schemas fit their budget, and docs/types.md states it", async () => {
  const added = (await bytesOf(CLIENT_AND_CHECKS)) - (await bytesOf(CLIENT));

  expect(added).toBeLessThanOrEqual(MAX_CHECKS_BYTES);
  expect(read("docs/types.md")).toContain(`at most ${kibibytes(MAX_CHECKS_BYTES)} gzipped`);
});

it("docs/react.md states the size of the React hooks", () => {
  expect(read("docs/react.md")).toContain(`at most ${kibibytes(MAX_REACT_BYTES)} gzipped`);
});

it.each(["README.md", "docs/client.md"])("%s states the sizes of the client", (page) => {
  expect(read(page)).toContain(`${kibibytes(MAX_CLIENT_BYTES)} gzipped over WebSocket`);
  expect(read(page)).toContain(`${kibibytes(MAX_TRANSPORTS_BYTES)} with all transports`);
  expect(read(page)).toContain(`${kibibytes(MAX_WHOLE_CLIENT_BYTES)} in one file`);
});

function kibibytes(bytes: number): string {
  return `${bytes / 1024} KiB`;
}

/** The size of a bundle after gzip. Files that the client loads later are left out, except those in `contains`. */
async function bytesOf(contents: string, { contains }: { contains?: RegExp } = {}): Promise<number> {
  const loadedLater: Plugin = {
    name: "loaded-later",
    setup(build) {
      build.onResolve({ filter: /./ }, ({ kind, path }) =>
        kind === "dynamic-import" && contains?.test(path) !== true ? { external: true } : undefined,
      );
    },
  };
  const { outputFiles } = await bundle({
    stdin: { contents, resolveDir: absolute("src/client"), loader: "ts" },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    outdir: "unused",
    write: false,
    external: ["react"],
    plugins: [loadedLater],
  });
  return outputFiles.reduce((sum, { contents: file }) => sum + gzipSync(file).length, 0);
}
