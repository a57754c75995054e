import { asTransportChoice, type TransportChoice } from "./address.ts";
import { byId, setText } from "./dom.ts";
import type { Store } from "./store.ts";
import { isLive, type View } from "./view.ts";

/** What the controls do. */
export interface DockActions {
  choose(transport: TransportChoice): void;
  drop(): void;
}

/** Wires the controls that choose a transport and drop the connection. */
export function wireDock(store: Store<View>, actions: DockActions): void {
  const drop = byId("drop", HTMLButtonElement);
  const choices = document.querySelectorAll<HTMLInputElement>("input[name=transport]");
  for (const input of choices) {
    input.addEventListener("change", () => actions.choose(asTransportChoice(input.value)));
  }
  drop.addEventListener("click", () => actions.drop());

  store.watch(({ choice, connection }) => {
    for (const input of choices) input.checked = input.value === choice;
    drop.disabled = !isLive(connection);
    setText(byId("drop-text", HTMLElement), connection.phase === "dropped" ? "Dropped" : "Drop connection");
  });
}
