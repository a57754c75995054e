import type { Json } from "parlor/client";
import { shallow, useHistory, useMembers, useMyPresence, usePublish, useRoom } from "parlor/react";
import { useState, type CSSProperties, type ReactElement } from "react";
import { Composer } from "./composer.tsx";
import { fieldsOf } from "./fields.ts";
import { personOf, type Person } from "./person.ts";

/** A message that the room has not stored yet. */
interface Unsaved {
  readonly id: string;
  readonly text: string;
  /** Why it will not be stored. */
  readonly error?: string;
}

/** The messages of the room, who is typing, and the field for a new message. */
export function Chat(): ReactElement {
  const self = useRoom()?.self;
  const publish = usePublish();
  const [me] = useMyPresence<Person>();
  const { messages, hasOlder, isLoading, error, loadOlder } = useHistory({ event: "chat" });
  const [unsaved, setUnsaved] = useState<readonly Unsaved[]>([]);

  const say = (text: string): void => {
    const id = crypto.randomUUID();
    const others = (all: readonly Unsaved[]): Unsaved[] => all.filter((one) => one.id !== id);
    setUnsaved((all) => [...all, { id, text }]);
    // The name is a part of the message, because its author may have left when others read it.
    publish("chat", { text, name: me?.name ?? "", hue: me?.hue ?? 0 }).then(
      () => setUnsaved(others),
      (reason: unknown) => setUnsaved((all) => [...others(all), { id, text, error: String(reason) }]),
    );
  };

  return (
    <section className="chat" aria-label="Chat">
      <div className="messages">
        {/* The style sheet shows the list from its end, so that the newest message stays in view. */}
        <ol role="log">
          {(hasOlder || error !== undefined) && (
            <li>
              <button type="button" disabled={isLoading} onClick={() => void loadOlder()}>
                {error === undefined ? "Older messages" : "Try again"}
              </button>
            </li>
          )}
          {messages.map(({ offset, from, data }) => (
            <Message key={offset} data={data} isMine={from === self} />
          ))}
          {unsaved.map(({ id, text, error: reason }) => (
            <li key={id} className="message mine" data-unsaved title={reason}>
              <p>{text}</p>
              <small>{reason === undefined ? "Sending" : "Not sent"}</small>
            </li>
          ))}
        </ol>
      </div>
      <Typing />
      <Composer onSay={say} />
    </section>
  );
}

function Message({ data, isMine }: { readonly data: Json; readonly isMine: boolean }): ReactElement {
  const { name, hue } = personOf(data);
  return (
    <li className={isMine ? "message mine" : "message"} style={{ "--hue": hue } as CSSProperties}>
      {!isMine && <small>{name}</small>}
      <p>{textOf(data)}</p>
    </li>
  );
}

function textOf(data: Json): string {
  const { text } = fieldsOf(data);
  return typeof text === "string" ? text : "";
}

/** Renders again only when somebody begins or stops typing. */
function Typing(): ReactElement {
  const self = useRoom()?.self;
  const names = useMembers(
    (members) =>
      [...members.values()]
        .filter(({ id }) => id !== self)
        .map(({ data }) => personOf(data))
        .filter(({ isTyping }) => isTyping)
        .map(({ name }) => name),
    shallow,
  );
  const words = { 0: "", 1: `${names[0]} is typing` }[names.length] ?? `${names.length} people are typing`;
  return (
    <p className="typing" role="status">
      {words}
    </p>
  );
}
