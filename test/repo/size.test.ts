import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, it } from "vitest";
import { absolute, read } from "../support/repository.ts";

/**
 * The maximum that a page loads to join over WebSocket, in bytes after gzip: 11.125 KiB. The code for SSE, and that of calls that
 * many pages never use, are separate files, which the client loads when it needs them.
 */
const MAX_CLIENT_BYTES = 11_392;

/** The maximum of that together with the code for SSE: 13 KiB. */
const MAX_CLIENT_WITH_SSE_BYTES = 13_312;

/** The maximum of a bundle in one file, which contains all of it: 15.25 KiB. */
const MAX_CLIENT_IN_ONE_FILE_BYTES = 15_616;

/** The maximum that the binary dialect adds. Most of it is the library that reads and writes Protobuf. */
const MAX_PROTO_BYTES = 24_576;

/** The files that the client loads when it needs them. */
const SSE = "./sse-transport.ts";
const ON_DEMAND = "./on-demand.ts";

const CLIENT = 'export { joinRoom } from "./index.ts";';
const CLIENT_AND_PROTO = `${CLIENT} export { proto } from "./proto.ts";`;

it("the client without the code that it loads later fits its budget", async () => {
  expect(await bytesOf(CLIENT)).toBeLessThanOrEqual(MAX_CLIENT_BYTES);
});

it("the client with the code for SSE fits its budget", async () => {
  expect(await bytesOf(CLIENT, [ON_DEMAND])).toBeLessThanOrEqual(MAX_CLIENT_WITH_SSE_BYTES);
});

it("the client in one file fits its budget", async () => {
  expect(await bytesOf(CLIENT, [])).toBeLessThanOrEqual(MAX_CLIENT_IN_ONE_FILE_BYTES);
});

it("the binary dialect fits its budget, and the client contains none of it", async () => {
  const client = await bytesOf(CLIENT);
  const added = (await bytesOf(CLIENT_AND_PROTO)) - client;

  expect(added).toBeLessThan(MAX_PROTO_BYTES);
  expect(added).toBeGreaterThan(client);
});

it.each(["README.md", "docs/client.md"])("%s states the sizes of the client", (page) => {
  expect(read(page)).toContain(`${kibibytes(MAX_CLIENT_BYTES)} gzipped over WebSocket`);
  expect(read(page)).toContain(`${kibibytes(MAX_CLIENT_WITH_SSE_BYTES)} with SSE`);
  expect(read(page)).toContain(`${kibibytes(MAX_CLIENT_IN_ONE_FILE_BYTES)} in one file`);
});

function kibibytes(bytes: number): string {
  return `${bytes / 1024} KiB`;
}

/** The size of a bundle after gzip, without the files in `later`. */
async function bytesOf(contents: string, later = [SSE, ON_DEMAND]): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: absolute("src/client"), loader: "ts" },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    outdir: "unused",
    write: false,
    external: later,
  });
  return outputFiles.reduce((sum, { contents: file }) => sum + gzipSync(file).length, 0);
}
