import type { TransportName } from "parlor/client";
import { RoomProvider, useEvent, useMemberCount, usePublish } from "parlor/react";
import { useEffect, useState } from "react";

const TRANSPORTS: readonly TransportName[] = ["websocket", "sse", "long-poll"];

/** Joins a room over each transport, greets it, and lists its replies. */
export function App({ url }: { readonly url: string }) {
  return (
    <main>
      <h1>Greetings</h1>
      {TRANSPORTS.map((transport) => (
        <RoomProvider key={transport} url={`${url}-${transport}`} options={{ transports: [transport] }}>
          <Replies transport={transport} />
        </RoomProvider>
      ))}
    </main>
  );
}

function Replies({ transport }: { readonly transport: TransportName }) {
  const [replies, setReplies] = useState<readonly string[]>([]);
  const members = useMemberCount();
  const publish = usePublish();
  useEvent("reply", ({ data }) => setReplies((earlier) => [...earlier, JSON.stringify(data)]));
  useEffect(() => {
    publish("greeting", transport).catch(() => undefined);
  }, [publish, transport]);

  return (
    <ul>
      {replies.map((reply, index) => (
        <li key={index}>
          {reply} in a room of {members}
        </li>
      ))}
    </ul>
  );
}
