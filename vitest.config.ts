import { fileURLToPath } from "node:url";
import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";
import { ClosingLine } from "./test/support/closing-line.ts";

const root = fileURLToPath(new URL(".", import.meta.url));

/** By default one core stays idle: of two, that is half. */
const EVERY_CORE = "100%";

/**
 * Three places a test may run in. They go one after another (`groupOrder`), so that the real servers and the browser
 * of the last do not share the processor with the others.
 */
export default defineConfig({
  test: {
    reporters: ["verbose", new ClosingLine()],
    projects: [
      {
        root,
        test: {
          name: "unit",
          maxWorkers: EVERY_CORE,
          include: ["test/{unit,repo,client}/**/*.test.ts"],
          sequence: { groupOrder: 1 },
        },
      },
      {
        root,
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            // The Worker of wrangler.toml, and a class of rooms of kinds that only tests have.
            main: "./test/workers/support/worker.ts",
            miniflare: {
              // Most tests are of something else, and wait for no one's grace; grace.test.ts sets its own.
              bindings: {
                GRACE_MS: "0",
                ADMIN_KEYS: "prl_a-key-for-tests-of-32-characters",
                TOKEN_SECRETS: "an-old-secret-of-thirty-two-characters, a-secret-for-tests-of-32-characters",
                TEST_DIALECT: "json",
              },
              durableObjects: { KINDS_ROOM: { className: "KindsRoom", useSQLite: true } },
            },
          }),
        ],
        test: {
          name: "workers",
          maxWorkers: EVERY_CORE,
          include: ["test/workers/**/*.test.ts"],
          testTimeout: 15_000, // an Inbox waits 10 s, and then says what did arrive
          sequence: { groupOrder: 2 },
        },
      },
      {
        root,
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
