import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { ClosingLine } from "../support/closing-line.ts";

/** `npm run test:package`: not part of `npm test`, because it installs packages from the registry. */
export default defineConfig({
  root: fileURLToPath(new URL("../../", import.meta.url)),
  test: {
    reporters: [["default", { summary: false }], new ClosingLine()],
    slowTestThreshold: Infinity,
    include: ["test/package/*.test.ts"],
    testTimeout: 240_000, // on a new machine npm downloads everything, up to 100 MB for a runtime
    hookTimeout: 240_000,
  },
});
