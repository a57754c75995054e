import { joinRoom } from "parlor/client";
import { WebSocket } from "ws";

// A runtime without a WebSocket of its own joins with that of a package.
const room = joinRoom(process.argv[2] ?? "", { WebSocket, transports: ["websocket"] });
const { offset } = await room.publish("chat", "hello");
console.log("stored as", offset);
await room.leave();
