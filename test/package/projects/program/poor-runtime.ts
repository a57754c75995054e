import { joinRoom } from "parlor/client";

// A runtime that lacks two functions, and an application that has a mistake. With a key of its own it needs no random numbers.
Object.defineProperty(AbortSignal, "any", { value: undefined });
Object.defineProperty(globalThis, "crypto", { value: undefined });

const url = process.argv[2] ?? "";
const key = "AAAAAAAAAAAAAAAAAAAAAA";

for (const transport of ["sse", "long-poll"] as const) {
  const room = joinRoom(url, { key, transports: [transport], connectTimeoutMs: Infinity });
  room.on("message", () => {
    throw new Error("a mistake of the application");
  });
  const reply = new Promise<unknown>((resolve) => {
    room.on("message", ({ event, data }) => {
      if (event === "reply") resolve(data);
    });
  });
  await room.publish("greeting", "hello");
  console.log("received", JSON.stringify(await reply), "over", room.connection.transport);
  await room.leave();
}
