import { gzipSync } from "node:zlib";
import { build as bundle, type Plugin } from "esbuild";
import { expect, it } from "vitest";
import { absolute, read } from "../support/repository.ts";

/**
 * The maximum that a page loads to join over WebSocket, in bytes after gzip: 11.875 KiB. The code for the other transports, and that
 * of calls that many pages never use, is in separate files, which the client loads when it needs them.
 */
const MAX_CLIENT_BYTES = 12_160;

/** The maximum of a bundle in one file, which contains all of it: 17 KiB. */
const MAX_WHOLE_CLIENT_BYTES = 17_408;

/** The maximum that the binary dialect adds. Most of it is the library that reads and writes Protobuf. */
const MAX_PROTO_BYTES = 24_576;

/** The maximum that the React hooks add to the client: 3 KiB. React itself is not counted. */
const MAX_REACT_BYTES = 3_072;

const CLIENT = 'export { joinRoom } from "./index.ts";';
const CLIENT_AND_PROTO = `${CLIENT} export { proto } from "./proto.ts";`;
const CLIENT_AND_REACT = `${CLIENT} export * from "../react/index.ts";`;

it("the client without the code that it loads later fits its budget", async () => {
  expect(await bytesOf(CLIENT)).toBeLessThanOrEqual(MAX_CLIENT_BYTES);
});

it("the client in one file fits its budget", async () => {
  expect(await bytesOf(CLIENT, { inOneFile: true })).toBeLessThanOrEqual(MAX_WHOLE_CLIENT_BYTES);
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

it("docs/react.md states the size of the React hooks", () => {
  expect(read("docs/react.md")).toContain(`at most ${kibibytes(MAX_REACT_BYTES)} gzipped`);
});

it.each(["README.md", "docs/client.md"])("%s states the sizes of the client", (page) => {
  expect(read(page)).toContain(`${kibibytes(MAX_CLIENT_BYTES)} gzipped over WebSocket`);
  expect(read(page)).toContain(`${kibibytes(MAX_WHOLE_CLIENT_BYTES)} in one file`);
});

function kibibytes(bytes: number): string {
  return `${bytes / 1024} KiB`;
}

/** Leaves out files that the client loads later. */
const LOADED_LATER: Plugin = {
  name: "loaded-later",
  setup(build) {
    build.onResolve({ filter: /./ }, ({ kind }) =>
      kind === "dynamic-import" ? { external: true } : undefined,
    );
  },
};

/** The size of a bundle after gzip. Without `inOneFile`, files that the client loads later are left out. */
async function bytesOf(contents: string, { inOneFile = false } = {}): Promise<number> {
  const { outputFiles } = await bundle({
    stdin: { contents, resolveDir: absolute("src/client"), loader: "ts" },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    outdir: "unused",
    write: false,
    external: ["react"],
    plugins: inOneFile ? [] : [LOADED_LATER],
  });
  return outputFiles.reduce((sum, { contents: file }) => sum + gzipSync(file).length, 0);
}
