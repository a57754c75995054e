import { createServer } from "node:http";
import { Server } from "socket.io";

/** Sends each event `m` to everyone in its room. The room is in the query. */

const [port = "", recovery] = process.argv.slice(2);
const server = createServer((_request, response) => response.end("ok"));
const io = new Server(server, {
  transports: ["websocket"],
  serveClient: false,
  ...(recovery !== undefined && { connectionStateRecovery: { skipMiddlewares: true } }),
});

io.on("connection", async (socket) => {
  const room = String(socket.handshake.query["room"]);
  await socket.join(room); // synchronous with the in-memory adapter
  socket.on("m", (data: unknown) => io.to(room).emit("m", data));
});

server.listen({ port: Number(port), host: "127.0.0.1", backlog: 4_096 });
