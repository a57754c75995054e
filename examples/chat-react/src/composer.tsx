import { useMyPresence } from "parlor/react";
import { useEffect, useState, type FormEvent, type ReactElement } from "react";
import { NOBODY, type Person } from "./person.ts";

/** Without a key press for this long, nobody is typing, in milliseconds. */
const TYPING_MS = 3_000;

/** Fields for a message and for this member's name. */
export function Composer({ onSay }: { readonly onSay: (text: string) => void }): ReactElement {
  const [me, setMe] = useMyPresence<Person>();
  const [draft, setDraft] = useState("");
  const [isTyping, setTyping] = useState(false);

  useEffect(() => {
    setTyping(draft !== "");
    const timer = setTimeout(() => setTyping(false), TYPING_MS);
    return () => clearTimeout(timer);
  }, [draft]);

  // Others see it in this member's presence data.
  const isShown = me?.isTyping === true;
  useEffect(() => {
    if (isTyping !== isShown) void setMe((before) => ({ ...(before ?? NOBODY), isTyping }));
  }, [isTyping, isShown, setMe]);

  const send = (event: FormEvent): void => {
    event.preventDefault();
    if (draft.trim() === "") return;
    onSay(draft.trim());
    setDraft("");
  };

  return (
    <form onSubmit={send}>
      <input
        className="name"
        aria-label="Your name"
        value={me?.name ?? ""}
        maxLength={24}
        onChange={({ target }) => void setMe((before) => ({ ...(before ?? NOBODY), name: target.value }))}
      />
      <input
        aria-label="Message"
        placeholder="Message"
        value={draft}
        maxLength={2_000}
        autoComplete="off"
        enterKeyHint="send"
        onChange={({ target }) => setDraft(target.value)}
      />
      <button type="submit" disabled={draft.trim() === ""}>
        Send
      </button>
    </form>
  );
}
