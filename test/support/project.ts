import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of `package.json` and `wrangler.toml`. */
export const projectRoot = fileURLToPath(new URL("../../", import.meta.url));

/** The default configuration of servers under test. */
export const wranglerConfig = join(projectRoot, "wrangler.toml");

/** Wrangler's command line script. Run it with `process.execPath`. */
export const wranglerScript = join(projectRoot, "node_modules", "wrangler", "bin", "wrangler.js");

/** Creates an empty temporary folder for this test run. The caller removes it. */
export function scratchDir(purpose: string): string {
  return mkdtempSync(join(tmpdir(), `parlor-${purpose}-`));
}

/**
 * The environment of a tool under test. It has none of the developer's settings, logins or test runner variables
 * (vitest's `NODE_ENV=test` would end up in the bundle), and it disables telemetry.
 *
 * @param scratch the folder for the tool's home, configuration and temporary files, so that a killed tool leaves no files
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
    WRANGLER_HIDE_BANNER: "true", // the banner requests updates from the registry
    WRANGLER_REGISTRY_PATH: join(scratch, "registry"), // concurrent servers have the same Worker name
    WRANGLER_CI_DISABLE_CONFIG_WATCHING: "true",
    CLOUDFLARE_CF_FETCH_ENABLED: "false", // uses a built-in placeholder for `request.cf` and fetches none
  };
}
