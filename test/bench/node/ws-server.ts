import { createServer } from "node:http";
import { WebSocket, WebSocketServer } from "ws";

/** Sends each message to everyone in its room. The room is the path. */

const [port = ""] = process.argv.slice(2);
const rooms = new Map<string, Set<WebSocket>>();
const server = createServer((_request, response) => response.end("ok"));

new WebSocketServer({ server, perMessageDeflate: false }).on("connection", (socket, request) => {
  const name = request.url ?? "";
  const room = rooms.get(name) ?? new Set();
  rooms.set(name, room.add(socket));
  socket.on("message", (data, isBinary) => {
    for (const each of room) if (each.readyState === WebSocket.OPEN) each.send(data, { binary: isBinary });
  });
  socket.on("close", () => room.delete(socket));
  socket.on("error", () => socket.terminate());
});

// The same accept queue as the other servers, so that the kernel does not drop a join storm.
server.listen({ port: Number(port), host: "127.0.0.1", backlog: 4_096 });
