import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, it } from "vitest";
import { absolute } from "../support/repository.ts";

/**
 * The maximum that a page that joins over WebSocket loads, in bytes after gzip: 11 KiB. Of these the shared state takes 440,
 * its updates with retries 500, crowds and the list that is kept over a reconnect 175, flow control 165, watching only 75,
 * raw bytes and the hook for another dialect 205. Ordered attempts, and reconnects after a replacement or a short restart,
 * take 580. The checks of options, and the code for incomplete runtimes and wrong clocks, take 1,000. The rejection of data
 * that JSON would change takes 320.
 */
const MAX_CLIENT_BYTES = 11_264;

/** What is added by the binary dialect, of which most is the library that reads and writes Protobuf. */
const MAX_PROTO_BYTES = 24_576;

it("the client fits its budget", async () => {
  const bytes = await bytesOf('export { joinRoom } from "./index.ts";');

  console.log(`the client over WebSocket: ${bytes} bytes after gzip, of ${MAX_CLIENT_BYTES}`);
  expect(bytes).toBeLessThan(MAX_CLIENT_BYTES);
});

it("the binary dialect fits its own, and none of it is in the client", async () => {
  const client = await bytesOf('export { joinRoom } from "./index.ts";');
  const both = await bytesOf('export { joinRoom } from "./index.ts"; export { proto } from "./proto.ts";');

  console.log(`the binary dialect: ${both - client} bytes more, of ${MAX_PROTO_BYTES}`);
  expect(both - client).toBeLessThan(MAX_PROTO_BYTES);
  expect(both - client).toBeGreaterThan(client);
});

/** What a bundle takes after gzip; what is loaded later is left out. */
async function bytesOf(contents: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: absolute("src/client"), loader: "ts" },
    bundle: true,
    minify: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    outdir: "unused",
    write: false,
    plugins: [
      {
        name: "leave-out-what-is-loaded-later",
        setup: (hooks) => {
          hooks.onResolve({ filter: /./ }, ({ kind, path }) =>
            kind === "dynamic-import" ? { path, external: true } : undefined,
          );
        },
      },
    ],
  });
  return outputFiles.reduce((sum, { contents }) => sum + gzipSync(contents).length, 0);
}
