import { byId, setText } from "./dom.ts";
import type { Store } from "./store.ts";
import type { View } from "./view.ts";
import { describeConnection, transportWord } from "./words.ts";

/** Shows the state of the connection: in short in the bar, and in detail in a popover. */
export function showConnection(store: Store<View>): void {
  const pill = byId("pill", HTMLButtonElement);
  const announcer = byId("announcer", HTMLElement);
  let spoken = "";

  store.watch((view) => {
    const { tone, text } = describeConnection(view);
    const transport = view.transport === undefined ? "" : transportWord(view.transport);
    const latency = view.rttMs === undefined ? "" : `${Math.max(1, Math.round(view.rttMs))} ms`;
    pill.dataset["tone"] = tone;
    pill.title = `${text}. Show details`;
    setText(byId("pill-state", HTMLElement), text);
    setText(byId("pill-transport", HTMLElement), tone === "good" ? transport : "");
    setText(byId("pill-latency", HTMLElement), tone === "good" ? latency : "");

    setText(byId("detail-state", HTMLElement), text);
    setText(byId("detail-transport", HTMLElement), describeTransport(view, transport));
    setText(byId("detail-latency", HTMLElement), latency === "" ? "not measured yet" : latency);
    setText(byId("detail-position", HTMLElement), view.position ?? "none yet");
    setText(byId("detail-recovered", HTMLElement), String(view.recovered));

    const speech = tone === "good" ? `${text} over ${transport}` : text;
    if (spoken !== "" && speech !== spoken) setText(announcer, speech);
    spoken = speech;
  });
}

function describeTransport({ choice }: View, transport: string): string {
  if (transport === "") return `none (${transportWord(choice)})`;
  return choice === "auto" ? `${transport}, chosen automatically` : `${transport}, chosen by you`;
}
