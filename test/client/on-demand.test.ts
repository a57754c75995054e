import { execFile } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { expect, it } from "vitest";
import { scratchDir } from "../support/project.ts";
import { absolute } from "../support/repository.ts";

/** A page whose room is closed. Removes the file of the calls on demand, and writes it again after the first call. */
const PROGRAM = `
import { renameSync } from "node:fs";
import { joinRoom } from "./index.js";

class NoSocket {
  bufferedAmount = 0;
  addEventListener() {}
  send() {}
  close() {}
}
const [, , chunk] = process.argv;
const room = joinRoom("http://localhost:1/rooms/lobby", { WebSocket: NoSocket, transports: ["websocket"] });
const ask = () => room.request("ana", "hand", 1).catch(({ code }) => code);
renameSync(chunk, chunk + ".gone");
const first = await ask();
renameSync(chunk + ".gone", chunk);
room.close();
console.log(first, await ask());
`;

it("[R1] a call whose code could not be loaded is rejected, and the next call loads it again", async () => {
  const dir = scratchDir("on-demand");
  try {
    await build({
      entryPoints: [absolute("src/client/index.ts")],
      ...{ bundle: true, format: "esm", splitting: true, outdir: dir, chunkNames: "[name]-[hash]" },
    });
    const chunk = readdirSync(dir).find((name) => name.startsWith("on-demand-")) ?? "";
    writeFileSync(join(dir, "package.json"), '{"type":"module"}');
    writeFileSync(join(dir, "page.js"), PROGRAM);
    expect(readFileSync(join(dir, "index.js"), "utf8")).toContain(`import("./${chunk}")`);

    const { stdout } = await promisify(execFile)(process.execPath, ["page.js", chunk], { cwd: dir });

    expect(stdout.trim()).toBe("ERR_MODULE_NOT_FOUND closed");
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
