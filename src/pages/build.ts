import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const pages = fileURLToPath(new URL(".", import.meta.url));
const out = fileURLToPath(new URL("../../dist/pages/", import.meta.url));

/** Files that are copied unchanged. `_headers` configures the server of the files. */
const COPIED = {
  "index.html": "demo/index.html",
  "favicon.svg": "demo/favicon.svg",
  _headers: "_headers",
};

const common = {
  outdir: out,
  bundle: true,
  minify: true,
  target: "es2023",
  logLevel: "warning",
  write: false,
} as const;

const built = await Promise.all([
  // Split, so that rarely used code (SSE, the QR code) is loaded only when it is needed.
  build({
    ...common,
    entryPoints: [join(pages, "demo/main.ts"), join(pages, "demo/style.css")],
    format: "esm",
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
  }),
  build({ ...common, entryPoints: [join(pages, "demo/first-paint.ts")], format: "iife" }),
]);

const files = new Map<string, Uint8Array>([
  ...built.flatMap(({ outputFiles }) => outputFiles.map(({ path, contents }) => [path, contents] as const)),
  ...Object.entries(COPIED).map(
    ([name, source]) => [join(out, name), readFileSync(join(pages, source))] as const,
  ),
]);

// Other servers may read or build this folder at the same time, so it is never emptied. An unchanged file is not written,
// because a server that watches the folder would restart.
for (const [path, contents] of files) {
  mkdirSync(dirname(path), { recursive: true });
  if (!existsSync(path) || !readFileSync(path).equals(contents)) writeFileSync(path, contents);
}
for (const entry of readdirSync(out, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  if (entry.isFile() && !files.has(path)) rmSync(path, { force: true });
}
