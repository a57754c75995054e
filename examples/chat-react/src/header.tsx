import { shallow, useConnection, useMember, useMemberCount, useMembers } from "parlor/react";
import type { CSSProperties, ReactElement } from "react";
import { personOf } from "./person.ts";

const MAX_AVATARS = 5;

const STATES = {
  idle: "Connecting",
  connecting: "Connecting",
  open: "Connected",
  waiting: "Reconnecting",
  closed: "Disconnected",
} as const;

/** The state of the connection, and who is here. */
export function Header(): ReactElement {
  const { state, reason } = useConnection();
  const count = useMemberCount();
  const ids = useMembers((members) => [...members.keys()].slice(0, MAX_AVATARS), shallow);
  return (
    <header>
      <h1>Chat</h1>
      <p className="state" data-state={state} title={reason} role="status">
        {STATES[state]}
      </p>
      <ul className="people" aria-label={`${count} here`}>
        {ids.map((id) => (
          <Avatar key={id} id={id} />
        ))}
        {count > ids.length && <li className="avatar">+{count - ids.length}</li>}
      </ul>
    </header>
  );
}

/** Renders again only when this member changes. */
function Avatar({ id }: { readonly id: string }): ReactElement {
  const { name, hue } = personOf(useMember(id)?.data);
  return (
    <li className="avatar" style={{ "--hue": hue } as CSSProperties} title={name}>
      {name.slice(0, 1)}
    </li>
  );
}
