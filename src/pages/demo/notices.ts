import { shareLink } from "./address.ts";
import { wireCopy } from "./copy.ts";
import { byId, setText } from "./dom.ts";
import type { Store } from "./store.ts";
import { isLive, type View } from "./view.ts";
import { ACTION_WORDS, bannerOf, cardOf, type Banner, type Card } from "./words.ts";

/** What the buttons of the banner and the card do. */
export interface NoticeActions {
  /** Connects again, now. */
  retry(): void;
  newRoom(): void;
  /** The time of the next attempt to connect, on the clock of `performance.now()`; `undefined` if it is not known. */
  nextTryAt(): number | undefined;
}

/** How often a countdown is updated, in milliseconds. */
const COUNT_MS = 250;

/** Delay of a card, in milliseconds, so that it does not flash when a member joins a room with other members. */
const CARD_PAUSE_MS = 400;

/** Shows the card and the banner: that nobody else is here, or that there is a problem with the connection. */
export function showNotices(store: Store<View>, actions: NoticeActions): void {
  const area = byId("area", HTMLElement);
  const link = byId("card-url", HTMLInputElement);
  link.value = shareLink(store.state.room);
  byId("card-open", HTMLAnchorElement).href = link.value;
  wireCopy(byId("card-copy", HTMLButtonElement), link);
  byId("banner-action", HTMLButtonElement).addEventListener("click", () => actions.retry());
  let act: (() => void) | undefined;
  byId("card-action", HTMLButtonElement).addEventListener("click", () => act?.());

  let cardTimer: number | undefined;
  let countdown: number | undefined;

  store.watch((view) => {
    area.toggleAttribute("data-stale", !isLive(view.connection));
    area.toggleAttribute("data-crowd", view.isCrowd);
    updateBanner();
    clearTimeout(cardTimer);
    if (cardOf(view) === undefined) updateCard();
    else cardTimer = setTimeout(updateCard, CARD_PAUSE_MS);
  });

  function updateBanner(): void {
    const view = store.state;
    const now = performance.now();
    const nextTryAt = actions.nextTryAt();
    showBanner(bannerOf(view, now, nextTryAt === undefined ? undefined : nextTryAt - now));
    const counts = view.connection.phase === "dropped" || view.connection.phase === "reconnecting";
    if (counts && countdown === undefined) countdown = setInterval(updateBanner, COUNT_MS);
    if (!counts) {
      clearInterval(countdown);
      countdown = undefined;
    }
  }

  function updateCard(): void {
    const card = cardOf(store.state);
    act = card === undefined ? undefined : actionOf(card);
    showCard(card);
  }

  function actionOf({ action }: Card): (() => void) | undefined {
    switch (action) {
      case "retry":
      case "use this window":
      case "rejoin":
        return () => actions.retry();
      case "new room":
        return () => actions.newRoom();
      case "invite":
        return undefined;
      default:
        return action satisfies never;
    }
  }
}

function showBanner(banner: Banner | undefined): void {
  const place = byId("banner", HTMLElement);
  place.hidden = banner === undefined;
  if (banner === undefined) return;
  place.dataset["tone"] = banner.tone;
  setText(byId("banner-text", HTMLElement), banner.text);
  const button = byId("banner-action", HTMLButtonElement);
  button.hidden = banner.action === undefined;
  if (banner.action !== undefined) setText(button, ACTION_WORDS[banner.action]);
}

function showCard(card: Card | undefined): void {
  const place = byId("card", HTMLElement);
  place.hidden = card === undefined;
  if (card === undefined) return;
  const invites = card.action === "invite";
  setText(byId("card-title", HTMLElement), card.title);
  setText(byId("card-text", HTMLElement), card.text);
  for (const id of ["card-link", "card-open", "card-qr"]) byId(id, HTMLElement).hidden = !invites;
  const button = byId("card-action", HTMLButtonElement);
  button.hidden = invites;
  if (card.action !== "invite") setText(button, ACTION_WORDS[card.action]);
}
