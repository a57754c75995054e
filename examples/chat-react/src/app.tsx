import { RoomProvider } from "parlor/react";
import type { ReactElement } from "react";
import { Chat } from "./chat.tsx";
import { Cursors } from "./cursors.tsx";
import { Header } from "./header.tsx";
import type { Person } from "./person.ts";

/** Joins the room for everything below it. */
export function App({ url, me }: { readonly url: string; readonly me: Person }): ReactElement {
  return (
    <RoomProvider url={url} options={{ presence: me }}>
      <Header />
      <main>
        <Cursors />
        <Chat />
      </main>
    </RoomProvider>
  );
}
