import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of `package.json` and `wrangler.toml`. */
export const projectRoot = fileURLToPath(new URL("../../", import.meta.url));

/** The configuration that servers under test run with, unless they are given another. */
export const wranglerConfig = join(projectRoot, "wrangler.toml");

/** Wrangler's command line as a script; run it with `process.execPath`. */
export const wranglerScript = join(projectRoot, "node_modules", "wrangler", "bin", "wrangler.js");

/** Makes an empty folder that only this test run knows; its owner removes it. */
export function scratchDir(purpose: string): string {
  return mkdtempSync(join(tmpdir(), `parlor-${purpose}-`));
}

/**
 * The environment of a tool under test: nothing of the developer's own settings, logins or test runner
 * (vitest's `NODE_ENV=test` would end up in the bundle), and nothing that calls home.
 *
 * @param scratch takes the tool's home, configuration and temporary files, so that a killed tool leaves nothing behind
 */
export function toolEnvironment(scratch: string): Record<string, string> {
  const temporary = join(scratch, "tmp");
  mkdirSync(temporary, { recursive: true });
  return {
    PATH: `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`,
    HOME: scratch,
    XDG_CONFIG_HOME: join(scratch, "config"),
    TMPDIR: temporary,
    NO_COLOR: "1",
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_SEND_ERROR_REPORTS: "false",
    WRANGLER_WRITE_LOGS: "false",
    WRANGLER_HIDE_BANNER: "true", // the banner asks the registry for updates
    WRANGLER_REGISTRY_PATH: join(scratch, "registry"), // servers side by side have one Worker name
    WRANGLER_CI_DISABLE_CONFIG_WATCHING: "true",
    CLOUDFLARE_CF_FETCH_ENABLED: "false", // a built-in placeholder for `request.cf`, with no attempt to fetch one
  };
}
