import { MAX_TEXT_CHARS } from "./chat-log.ts";
import { byId } from "./dom.ts";

/** Wires the field in which messages are written: Enter sends, Shift+Enter is a new line. */
export function wireComposer(send: (text: string) => void, onTyping: () => void): void {
  const form = byId("composer", HTMLFormElement);
  const draft = byId("draft", HTMLTextAreaElement);
  const button = byId("send", HTMLButtonElement);
  draft.maxLength = MAX_TEXT_CHARS;

  draft.addEventListener("input", () => {
    resize();
    if (!isEmpty()) onTyping();
  });
  draft.addEventListener("keydown", (event) => {
    // While an input method composes, Enter is its own.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
    draft.focus();
  });

  function submit(): void {
    if (isEmpty()) return;
    send(draft.value.trim());
    draft.value = "";
    resize();
  }

  function isEmpty(): boolean {
    return draft.value.trim() === "";
  }

  /** As high as its text. Browsers that do that by themselves (`field-sizing`) lose nothing by it. */
  function resize(): void {
    button.disabled = isEmpty();
    draft.style.height = "auto";
    draft.style.height = `${draft.scrollHeight}px`;
  }
}
