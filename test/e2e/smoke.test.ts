import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ServerProcess } from "../support/server-process.ts";
import { startServer } from "../support/server.ts";
import { CHECKS } from "../smoke/checks.ts";

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe("npm run smoke", () => {
  it("[G4 G5 G10 G11] npm run smoke passes every check of a real server", async () => {
    const { code, output } = await smoke(server.url);

    expect(output.match(/^✗.*/gm)).toBeNull();
    expect(output).toContain(`${CHECKS.length} of ${CHECKS.length} checks passed, 0 failed`);
    expect(code).toBe(0);
  });

  it("[G4] npm run smoke fails each check of a server that is not Parlor", async () => {
    const other = createServer((_request, response) => response.end("hello"));
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;

    const { code, output } = await smoke(`http://127.0.0.1:${port}`, "--quick");

    expect(output).toMatch(/^✗ join over WebSocket/m);
    expect(output).toMatch(/^✗ join over SSE/m);
    expect(code).toBe(1);
    other.close();
  });

  it.each([["without an address"], ["with an unknown option", "--what"]])(
    "[E1] npm run smoke prints its usage when it is called %s",
    async (_how, ...args) => {
      const { code, output } = await smoke(...args);

      expect(output).toContain("npm run smoke -- https://");
      expect(code).toBe(2);
    },
  );
});

function smoke(...args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ["test/smoke/smoke.ts", ...args], (error, stdout) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, output: stdout });
    });
  });
}
