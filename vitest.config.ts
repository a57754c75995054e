import { fileURLToPath } from "node:url";
import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { ClosingLine } from "./test/support/closing-line.ts";
import { hideExpectedAborts } from "./test/support/expected-aborts.ts";

hideExpectedAborts();

const root = fileURLToPath(new URL(".", import.meta.url));

/** By default vitest leaves one core idle, which is half of a machine with two. */
const EVERY_CORE = "100%";

/**
 * The test files that also run with the binary dialect. They test what a room does for members over WebSocket. Not included
 * are tests of HTTP, SSE, tokens, joins and storage, which do not depend on the dialect, and tests of JSON itself. Long tests
 * that do not depend on it (join storms, crashes after every step, permissions per token) are not included either.
 */
const ROOM_TESTS =
  "addressed catch-up closes conflation crowd deduplication expiring-tokens filtered-positions frames " +
  "grace hibernation history hook-presence hook-results hook-totals hooks kept-volatile limits memory-history model " +
  "mutes permissions presence presence-edges publish refs-and-times resume roster send-windows " +
  "shared-budgets slow stale-refs stalls state state-limits state-own state-snapshot token-expiry " +
  "view-only welcome";

/** A project of tests in workerd, whose WebSocket members use the given dialect. */
function workersProject(
  name: string,
  options: { dialect: string; include: string[]; groupOrder: number; env?: Record<string, string> },
): TestProjectInlineConfiguration {
  const { dialect, include, groupOrder, env = {} } = options;
  return {
    root,
    plugins: [
      cloudflareTest({
        verbose: false, // otherwise workerd also prints the errors that tests cause on purpose
        wrangler: { configPath: "./wrangler.toml" },
        // Exports the Worker of wrangler.toml and a class for rooms whose kinds exist only in tests.
        main: "./test/workers/support/worker.ts",
        miniflare: {
          // Most tests do not need a grace period. grace.test.ts sets its own.
          bindings: {
            GRACE_MS: "0",
            // By default both wait for a second, which would delay each room that a test puts to sleep.
            LOG_LEVEL: "warn",
            ATTACH_AFTER_MS: "0",
            ADMIN_KEYS: "prl_a-key-for-tests-of-32-characters",
            TOKEN_SECRETS: "an-old-secret-of-thirty-two-characters, a-secret-for-tests-of-32-characters",
            TEST_DIALECT: dialect,
          },
          durableObjects: { KINDS_ROOM: { className: "KindsRoom", useSQLite: true } },
        },
      }),
    ],
    test: {
      name,
      maxWorkers: EVERY_CORE,
      // Files share a runtime, because starting one for each takes minutes. Each test uses its own rooms.
      isolate: false,
      include,
      env,
      testTimeout: 15_000, // longer than an Inbox waits (10 s) before it reports what has arrived
      sequence: { groupOrder },
    },
  };
}

/**
 * The projects run one after another (`groupOrder`), so that the real servers and browsers of the last one share the
 * processor with at most one other test file.
 */
export default defineConfig({
  test: {
    // Prints one line per file, also for slow tests. A failed test is printed in full, with its log.
    reporters: [["default", { summary: false }], new ClosingLine()],
    slowTestThreshold: Infinity,
    experimental: { diagnostics: { isolate: false, transform: false, import: false } }, // prints no advice after the summary
    silent: "passed-only",
    projects: [
      {
        root,
        test: {
          name: "unit",
          maxWorkers: EVERY_CORE,
          include: ["test/{unit,repo,client,react}/**/*.test.{ts,tsx}"],
          testTimeout: 30_000, // some tests generate thousands of inputs, on a shared core
          sequence: { groupOrder: 1 },
        },
      },
      workersProject("workers", { dialect: "json", include: ["test/workers/**/*.test.ts"], groupOrder: 2 }),
      // Runs fewer sequences of the model, because the room is the same in both dialects.
      workersProject("workers-proto", {
        ...{
          dialect: "proto",
          include: ROOM_TESTS.split(" ").map((file) => `test/workers/**/${file}.test.ts`),
          groupOrder: 3,
        },
        env: { VITE_MODEL_RUNS: process.env["VITE_MODEL_RUNS"] ?? "100" },
      }),
      {
        root,
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.{ts,tsx}"],
          maxWorkers: 2, // many of them only wait for real time to pass
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
