import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** The address every server under test listens on: they cannot be reached from outside. */
export const LOOPBACK = "127.0.0.1";

/**
 * Picks a free port for a server that will be killed and started again on it.
 *
 * The port is below 32768, where Linux begins to assign ports to outgoing connections (macOS: 49152). Such a connection
 * could hold the port while its server is down.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = randomInt(20_000, 32_000);
    if (await isFree(port)) return port;
  }
  throw new Error("found no free port in 50 attempts");
}

/** Whether a server could listen on the port now. */
export async function isFree(port: number): Promise<boolean> {
  // A client that is just reconnecting may connect to it. "close" is emitted once all connections have ended.
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen(port, LOOPBACK);
    await once(server, "listening");
    server.close();
    await once(server, "close");
    return true;
  } catch {
    return false;
  }
}
