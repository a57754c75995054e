// A bot for a chat room. It joins as a member, and answers messages that begin with a slash.
import { joinRoom, type Json } from "../../src/client/index.ts";

const [name = "lobby"] = process.argv.slice(2);
const server = process.env["PARLOR_URL"] ?? "http://localhost:8787";

const room = joinRoom(`${server}/rooms/${encodeURIComponent(name)}`, { presence: { name: "Bot", hue: 120 } });

/** The answers, by the first word of a message. */
const COMMANDS: Readonly<Record<string, () => string>> = {
  "/roll": () => `You rolled ${1 + Math.floor(Math.random() * 6)}.`,
  "/who": () =>
    `Here: ${[...room.members.values()].map(({ data }) => field(data, "name") || "somebody").join(", ")}.`,
};

room.on("welcome", ({ member }) => console.log(`joined ${name} as ${member}`));
room.on("connection", ({ state, reason = "" }) => console.log(state, reason));
room.on("closed", ({ error }) => {
  if (error !== undefined) process.exitCode = 1; // The server does not admit the bot. Retrying would not help.
});

room.on("message", ({ event, from, data, offset }) => {
  if (event !== "chat" || from === room.self) return;
  const answer = COMMANDS[field(data, "text").split(" ")[0] ?? ""];
  if (answer === undefined) return;
  // If the connection is lost now, the client publishes the answer after it has reconnected, and only once.
  const stored = room.publish("chat", { name: "Bot", hue: 120, text: answer() });
  stored.then(
    () => console.log(`answered message ${offset}`),
    (error: unknown) => console.error(`message ${offset} has no answer: ${String(error)}`),
  );
});

// Members are notified at once that the bot has left. Nothing then keeps the process alive.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void room.leave());

/** A field of data that another client has sent, which can be anything. */
function field(data: Json | undefined, key: string): string {
  const value: unknown = typeof data === "object" && data !== null ? Reflect.get(data, key) : undefined;
  return typeof value === "string" ? value : "";
}
