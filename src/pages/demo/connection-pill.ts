import { byId, say } from "./dom.ts";
import type { Store } from "./store.ts";
import type { View } from "./view.ts";
import { describeLine, transportWord } from "./words.ts";

/** Shows the state of the connection: in short in the bar, and in detail in a popover. */
export function showConnection(store: Store<View>): void {
  const pill = byId("pill", HTMLButtonElement);
  const announcer = byId("announcer", HTMLElement);
  let spoken = "";

  store.watch((view) => {
    const { tone, text } = describeLine(view);
    const transport = view.transport === undefined ? "" : transportWord(view.transport);
    const latency = view.rttMs === undefined ? "" : `${Math.max(1, Math.round(view.rttMs))} ms`;
    pill.dataset["tone"] = tone;
    pill.title = `${text}. Show details`;
    say(byId("pill-state", HTMLElement), text);
    say(byId("pill-transport", HTMLElement), tone === "good" ? transport : "");
    say(byId("pill-latency", HTMLElement), tone === "good" ? latency : "");

    say(byId("detail-state", HTMLElement), text);
    say(byId("detail-transport", HTMLElement), describeTransport(view, transport));
    say(byId("detail-latency", HTMLElement), latency === "" ? "not measured yet" : latency);
    say(byId("detail-position", HTMLElement), view.position ?? "none yet");
    say(byId("detail-recovered", HTMLElement), String(view.recovered));

    const speech = tone === "good" ? `${text} over ${transport}` : text;
    if (spoken !== "" && speech !== spoken) say(announcer, speech);
    spoken = speech;
  });
}

function describeTransport({ choice }: View, transport: string): string {
  if (transport === "") return `none (${transportWord(choice)})`;
  return choice === "auto" ? `${transport}, chosen automatically` : `${transport}, chosen by you`;
}
