import { MAX_TEXT_CHARS } from "./chat-log.ts";
import { byId } from "./dom.ts";

/** Wires the field for messages: Enter sends, and Shift+Enter begins a new line. */
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
    // While an input method is composing, Enter confirms its choice.
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

  /** Makes the field as high as its text, also in browsers without `field-sizing`. */
  function resize(): void {
    button.disabled = isEmpty();
    draft.style.height = "auto";
    draft.style.height = `${draft.scrollHeight}px`;
  }
}
