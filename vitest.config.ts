import { fileURLToPath } from "node:url";
import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { ClosingLine } from "./test/support/closing-line.ts";
import { hideExpectedAborts } from "./test/support/expected-aborts.ts";

hideExpectedAborts();

const root = fileURLToPath(new URL(".", import.meta.url));

/** By default one core stays idle: of two, that is half. */
const EVERY_CORE = "100%";

/**
 * The tests of what a room does for members over WebSocket: they run for the binary dialect as well, the same bodies. Left
 * out are those of HTTP, SSE, tokens, doors and storage, which no dialect changes; those of JSON itself; and what takes
 * long and differs in nothing that a dialect could (storms, crashes after every step, who sees what by which token).
 */
const ROOM_TESTS =
  "addressed catch-up closes conflation crowd deduplication expiring-tokens filtered-positions frames " +
  "grace hibernation history hook-presence hook-results hook-totals hooks limits memory-history model " +
  "mutes permissions presence presence-edges publish refs-and-times resume roster send-windows " +
  "shared-budgets slow stale-refs stalls state state-limits state-own state-snapshot token-expiry " +
  "view-only welcome";

/** Tests in workerd, whose members over WebSocket speak a dialect. */
function workersProject(
  name: string,
  options: { dialect: string; include: string[]; groupOrder: number; env?: Record<string, string> },
): TestProjectInlineConfiguration {
  const { dialect, include, groupOrder, env = {} } = options;
  return {
    root,
    plugins: [
      cloudflareTest({
        verbose: false, // workerd would also print the errors that tests cause on purpose
        wrangler: { configPath: "./wrangler.toml" },
        // The Worker of wrangler.toml, and a class of rooms of kinds that only tests have.
        main: "./test/workers/support/worker.ts",
        miniflare: {
          // Most tests are of something else, and wait for no one's grace; grace.test.ts sets its own.
          bindings: {
            GRACE_MS: "0",
            // Both wait for a second by default, and a room that is put to sleep would wait for them.
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
      // Files share a runtime. Starting one for each would take minutes, and every test has rooms of its own.
      isolate: false,
      include,
      env,
      testTimeout: 15_000, // an Inbox waits 10 s, and then says what did arrive
      sequence: { groupOrder },
    },
  };
}

/**
 * Three places a test may run in, one of them twice. They go one after another (`groupOrder`), so that the real servers and
 * the browsers of the last share the processor with two of their own at the most.
 */
export default defineConfig({
  test: {
    // One line per file, also of slow tests. A test that fails is printed in full, with everything it logged.
    reporters: [["default", { summary: false }], new ClosingLine()],
    slowTestThreshold: Infinity,
    experimental: { diagnostics: { isolate: false, transform: false, import: false } }, // no advice after the summary
    silent: "passed-only",
    projects: [
      {
        root,
        test: {
          name: "unit",
          maxWorkers: EVERY_CORE,
          include: ["test/{unit,repo,client}/**/*.test.ts"],
          testTimeout: 30_000, // thousands of drawn inputs each, on a core that may be shared
          sequence: { groupOrder: 1 },
        },
      },
      workersProject("workers", { dialect: "json", include: ["test/workers/**/*.test.ts"], groupOrder: 2 }),
      // Fewer of the model's sequences, because the room is the same in both dialects.
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
          include: ["test/e2e/**/*.test.ts"],
          maxWorkers: 2, // real time passes in many of them, and nothing else
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
