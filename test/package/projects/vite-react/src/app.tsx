import { joinRoom, type TransportName } from "parlor/client";
import { useEffect, useState } from "react";

/** Greets the room over each transport, and lists the room's replies. */
export function App({ url }: { readonly url: string }) {
  const [replies, setReplies] = useState<readonly string[]>([]);

  useEffect(() => {
    const rooms = (["websocket", "sse"] as const satisfies readonly TransportName[]).map((transport) => {
      const room = joinRoom(url, { transports: [transport] });
      room.on("message", ({ event, data }) => {
        if (event === "reply") setReplies((earlier) => [...earlier, JSON.stringify(data)]);
      });
      room.publish("greeting", transport).catch(() => undefined);
      return room;
    });
    return () => rooms.forEach((room) => room.close());
  }, [url]);

  return (
    <main>
      <h1>Greetings</h1>
      <ul>
        {replies.map((reply, index) => (
          <li key={index}>{reply}</li>
        ))}
      </ul>
    </main>
  );
}
