/** How long a button says that it has copied, in milliseconds. */
const SAID_MS = 1_800;

/** Makes a button copy the text of a field, and say so. */
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

/** The clipboard is there in secure contexts only; elsewhere there is the old way. */
async function copy(field: HTMLInputElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    field.focus();
    field.select();
    // Deprecated, and without a successor for pages that are served by the address of a machine nearby.
    return document.execCommand("copy");
  }
}
