import { fileURLToPath } from "node:url";
import { freePort } from "../../support/loopback-port.ts";
import { projectRoot, scratchDir, toolEnvironment } from "../../support/project.ts";
import { ServerProcess } from "../../support/server-process.ts";
import type { Contender, StartOptions } from "./contender.ts";
import type { Dialect } from "./dialect.ts";

async function startNode(
  script: URL,
  { runner }: StartOptions,
  ...settings: readonly string[]
): Promise<ServerProcess> {
  const scratch = scratchDir("bench");
  const port = await freePort();
  return ServerProcess.start({
    command: [...runner, process.execPath, fileURLToPath(script), String(port), ...settings],
    cwd: projectRoot,
    env: { ...toolEnvironment(scratch), NODE_ENV: "production" },
    port,
    storage: scratch,
    scratch: [scratch],
  });
}

/** The ws library, which most Node servers build on. */
export const ws: Contender = {
  name: "ws",
  about: "ws on Node, looping over a room's sockets",
  dialect: { path: (room) => `/${room}`, publish: (json) => json },
  start: (options) => startNode(new URL("../node/ws-server.ts", import.meta.url), options),
};

/**
 * The parts of Engine.io 4 and Socket.IO 5 over a WebSocket that a load needs: a digit for the type of Engine.io (0 open,
 * 2 ping, 3 pong, 4 message), and in a message a digit for the type of Socket.IO (0 connect, 2 event). It does not use
 * `socket.io-client`, which parses each packet and emits it through two layers, because the generator must cost less than
 * the server under load.
 */
const packets: Dialect = {
  path: (room) => `/socket.io/?EIO=4&transport=websocket&room=${room}`,
  hello: () => "40",
  isWelcome: (text) => text.startsWith('40{"sid"'),
  publish: (json) => `42["m",${json}]`,
  answer: (text) => (text === "2" ? "3" : undefined),
  isRefusal: (text) => text.startsWith("44"),
};

const recovering: Dialect = {
  ...packets,
  hello: ({ pass, place }) =>
    pass === undefined ? "40" : `40${JSON.stringify({ pid: pass, offset: place ?? "" })}`,
  learn: (who, text) => {
    const pass = /^40\{.*"pid":"([^"]+)"/.exec(text)?.[1];
    if (pass !== undefined) who.pass = pass;
    const place = /^42\[.*,"([^"]+)"\]$/s.exec(text)?.[1];
    if (place !== undefined) who.place = place;
  },
};

const socketIoServer = new URL("../node/socket-io-server.ts", import.meta.url);

/** Socket.IO with its default settings. */
export const socketIo: Contender = {
  name: "socket.io",
  about: "Socket.IO on Node, over WebSocket only",
  dialect: packets,
  start: (options) => startNode(socketIoServer, options),
};

/** Socket.IO whose clients can recover missed messages from memory. */
export const socketIoRecovery: Contender = {
  name: "socket.io-recovery",
  about: "Socket.IO with connectionStateRecovery, which keeps messages in memory",
  dialect: recovering,
  start: (options) => startNode(socketIoServer, options, "recovery"),
};
