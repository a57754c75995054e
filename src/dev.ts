import { spawn } from "node:child_process";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

/**
 * `npm run dev`: runs `wrangler dev` with the given arguments.
 *
 * If Parlor rejects its configuration, this prints only the list of problems. Wrangler would add a stack trace, warnings
 * about classes that are missing as a consequence, and the raw output of the runtime.
 */
const wrangler = spawn(
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

let isRejected = false;

// The terminal sends Ctrl-C to wrangler as well, which then shuts down in order.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => wrangler.kill());
wrangler.on("exit", (code, signal) => {
  const how = code ?? (signal === null ? 1 : 128 + constants.signals[signal]);
  process.exitCode = isRejected ? 1 : how;
});

for await (const line of createInterface({ input: wrangler.stderr })) {
  const text = stripVTControlCharacters(line);
  const start = text.indexOf("Parlor does not start");
  if (isRejected) {
    if (/^ +- /.test(text)) process.stderr.write(`${text}\n`);
    else if (text !== "") wrangler.kill(); // Otherwise it would first ask for a bug report.
  } else if (start === -1) process.stderr.write(`${line}\n`);
  else {
    isRejected = true;
    process.stderr.write(`\n${text.slice(start)}\n`);
  }
}
