import { shareLink } from "./address.ts";
import { wireCopy } from "./copy.ts";
import { byId, make } from "./dom.ts";

/** Hosts that mean the machine on which the link is opened. */
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** Wires the dialog with the link and its QR code. Returns a function that opens it. */
export function wireShareDialog(room: string): () => void {
  const dialog = byId("share-dialog", HTMLDialogElement);
  const url = byId("share-url", HTMLInputElement);
  const link = shareLink(room);
  url.value = link;
  wireCopy(byId("share-copy", HTMLButtonElement), url);
  byId("share-hint", HTMLElement).hidden = !LOOPBACK.test(location.hostname);
  // A click on the backdrop has the dialog as its target.
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog && !isInside(dialog, event)) dialog.close();
  });

  const open = (): void => {
    dialog.showModal();
    byId("share-copy", HTMLButtonElement).focus();
    void showQr(byId("share-qr", HTMLElement), link);
  };
  byId("share", HTMLButtonElement).addEventListener("click", open);
  byId("card-qr", HTMLButtonElement).addEventListener("click", open);
  return open;
}

/** Loads the code that draws the QR code on the first call. */
async function showQr(place: HTMLElement, link: string): Promise<void> {
  if (place.childElementCount > 0) return;
  try {
    const { drawQr } = await import("./qr.ts");
    place.replaceChildren(drawQr(link));
  } catch {
    place.replaceChildren(make("p", {}, "The QR code could not be loaded. Use the link instead."));
  }
}

function isInside(dialog: HTMLDialogElement, { clientX, clientY }: MouseEvent): boolean {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  return clientX >= left && clientX <= right && clientY >= top && clientY <= bottom;
}
