import { joinRoom, ParlorError, type JoinOptions } from "parlor/client";
import { proto } from "parlor/client/proto";

const url = process.argv[2] ?? "";

const joins: JoinOptions[] = [{}, { dialect: proto }, { transports: ["sse"] }, { transports: ["long-poll"] }];
for (const options of joins) {
  const room = joinRoom(url, options);
  const reply = new Promise<unknown>((resolve) => {
    room.on("message", ({ event, data }) => {
      if (event === "reply") resolve(data);
    });
  });
  await room.publish("greeting", room.self ?? "");
  console.log("received", JSON.stringify(await reply), "over", room.connection.transport);
  await room.leave();
}

try {
  joinRoom(url, { transports: ["websocket"] }).close();
  console.log("has WebSocket");
} catch (error) {
  console.log("rejected", error instanceof ParlorError, error instanceof Error && error.message);
}
