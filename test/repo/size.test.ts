import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, it } from "vitest";
import { absolute } from "../support/repository.ts";

/**
 * What a page that joins over WebSocket may have to load, in bytes after gzip: 8¼ KiB. Of these the shared state takes 440,
 * crowds and the list that is kept over a reconnect 175, flow control 165, watching only 75, raw
 * bytes 100.
 */
const MAX_CLIENT_BYTES = 8_448;

it("the client fits its budget", async () => {
  const { outputFiles } = await build({
    stdin: {
      contents: 'export { joinRoom } from "./index.ts";',
      resolveDir: absolute("src/client"),
      loader: "ts",
    },
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
  const bytes = outputFiles.reduce((sum, { contents }) => sum + gzipSync(contents).length, 0);

  console.log(`the client over WebSocket: ${bytes} bytes after gzip, of ${MAX_CLIENT_BYTES}`);
  expect(bytes).toBeLessThan(MAX_CLIENT_BYTES);
});
