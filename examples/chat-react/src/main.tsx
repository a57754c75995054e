import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { randomPerson } from "./person.ts";
import "./style.css";

/** The server of `npm run dev` in the root of the repository, unless the build names another. */
const server: string = import.meta.env["VITE_PARLOR_URL"] ?? "http://localhost:8787";

/** The room is in the address, so that a copy of the address leads to the same room. */
function roomInAddress(): string {
  const address = new URL(location.href);
  const room = address.searchParams.get("room") ?? `chat-${crypto.randomUUID().slice(0, 8)}`;
  address.searchParams.set("room", room);
  history.replaceState(null, "", address);
  return room;
}

const root = document.querySelector("#root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <App url={`${server}/rooms/${encodeURIComponent(roomInAddress())}`} me={randomPerson()} />
  </StrictMode>,
);
