/** How long a button shows that it has copied, in milliseconds. */
const SAID_MS = 1_800;

/** Makes a button copy the text of a field, and show that it did. */
export function wireCopy(button: HTMLButtonElement, field: HTMLInputElement): void {
  const label = button.textContent;
  button.addEventListener("click", () => void answer());
  field.addEventListener("focus", () => field.select());

  async function answer(): Promise<void> {
    button.textContent = (await copy(field)) ? "Copied" : "Selected";
    setTimeout(() => {
      button.textContent = label;
    }, SAID_MS);
  }
}

/** The clipboard API exists only in secure contexts. Elsewhere the old command is used. */
async function copy(field: HTMLInputElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    field.focus();
    field.select();
    // Deprecated, but pages that are served over HTTP from a machine on the network have nothing else.
    return document.execCommand("copy");
  }
}
