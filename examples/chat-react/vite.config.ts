import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

/** The root of the repository. */
const repository = fileURLToPath(new URL("../../", import.meta.url));

export default defineConfig({
  resolve: {
    // The entries of Parlor in this repository, as in tsconfig.json.
    alias: {
      "parlor/client": `${repository}src/client/index.ts`,
      "parlor/react": `${repository}src/react/index.ts`,
    },
    // Parlor's hooks need the same copy of React as the application.
    dedupe: ["react", "react-dom"],
  },
  server: { fs: { allow: [repository] } },
});
