import { spawn, type ChildProcess } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { watch } from "node:fs";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

/*
 * `npm run dev`: runs `wrangler dev` with the given arguments.
 *
 * If Parlor rejects its configuration, this prints only the list of problems. Wrangler would add a stack trace, warnings
 * about classes that are missing as a consequence, and the raw output of the runtime. Wrangler also ends then. If
 * somebody has saved a file since the start, that is probably the cause, so this starts wrangler again at the next save. The
 * rooms are on disk.
 */

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The files beside `src` that may configure the server, or be a Worker of its own. */
const SOURCES = /^(?:.+\.(?:toml|jsonc?|ts)|\.dev\.vars.*|\.env.*)$/;

/** `undefined` while the server waits for a file to be saved. */
let wrangler: ChildProcess | undefined;

// The terminal sends Ctrl-C to wrangler as well, which then shuts down in order.
process.on("SIGINT", () => wrangler ?? process.exit(exitCodeOf(null, "SIGINT")));
process.on("SIGTERM", () => wrangler?.kill() ?? process.exit(exitCodeOf(null, "SIGTERM")));

/** Emits `save` when a file is saved from which wrangler builds or configures the server. */
const files = new EventEmitter();
let hasSaved = false;
files.on("save", () => (hasSaved = true));
watch(`${ROOT}src`, { recursive: true }, () => files.emit("save"));
watch(ROOT, (_event, name) => name !== null && SOURCES.test(name) && files.emit("save"));

for (;;) {
  const { exitCode, nextSave } = await serve();
  if (nextSave === undefined) process.exit(exitCode);
  process.stderr.write("\nThe server starts again when you save a file.\n");
  await nextSave;
}

/**
 * Runs wrangler until it ends.
 *
 * @returns `nextSave` if the configuration was rejected after a file had been saved. It resolves when a file is saved again
 */
async function serve(): Promise<{ readonly exitCode: number; readonly nextSave?: Promise<unknown> }> {
  const running = spawn(
    process.execPath,
    [
      fileURLToPath(new URL("bin/wrangler.js", import.meta.resolve("wrangler/package.json"))),
      "dev",
      ...process.argv.slice(2),
    ],
    {
      stdio: ["inherit", "inherit", "pipe"],
      env: {
        ...(process.stderr.isTTY && { FORCE_COLOR: "1" }), // wrangler's stderr is a pipe, so it would not detect the terminal
        CLOUDFLARE_CF_FETCH_ENABLED: "false",
        WRANGLER_HIDE_BANNER: "true",
        ...process.env,
      },
    },
  );
  wrangler = running;
  const exited = once(running, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  let isRejected = false;
  let nextSave: Promise<unknown> | undefined;
  for await (const line of createInterface({ input: running.stderr })) {
    const text = stripVTControlCharacters(line);
    const start = text.indexOf("Parlor does not start");
    if (isRejected) {
      if (/^ +- /.test(text)) process.stderr.write(`${text}\n`);
      else if (text !== "") running.kill(); // Otherwise it would first ask for a bug report.
    } else if (start === -1) process.stderr.write(`${line}\n`);
    else {
      isRejected = true;
      if (hasSaved) nextSave = once(files, "save");
      process.stderr.write(`\n${text.slice(start)}\n`);
    }
  }
  const [code, signal] = await exited;
  wrangler = undefined;
  return { exitCode: isRejected ? 1 : exitCodeOf(code, signal), ...(nextSave && { nextSave }) };
}

/** The exit code of a shell for a process that ended like this. */
function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? (signal === null ? 1 : 128 + constants.signals[signal]);
}
