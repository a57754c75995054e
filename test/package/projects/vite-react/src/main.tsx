import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";

const url = new URLSearchParams(location.search).get("room") ?? "";
createRoot(document.querySelector("#app") as Element).render(
  <StrictMode>
    <App url={url} />
  </StrictMode>,
);
