import type { Json } from "parlor/client";
import { shallow, useEvent, useMember, useMembers, useRoom } from "parlor/react";
import { useState, type CSSProperties, type PointerEvent, type ReactElement } from "react";
import { fieldsOf } from "./fields.ts";
import { personOf } from "./person.ts";

/** An area that shows where the others point. */
export function Cursors(): ReactElement {
  const room = useRoom();
  const ids = useMembers((members) => [...members.keys()], shallow);

  // Volatile messages: only the newest position is of interest, and only now.
  const point = ({ currentTarget, clientX, clientY }: PointerEvent<HTMLElement>): void => {
    const { left, top, width, height } = currentTarget.getBoundingClientRect();
    room?.send("cursor", { x: (clientX - left) / width, y: (clientY - top) / height });
  };

  return (
    <section
      className="area"
      aria-label="Cursors"
      onPointerMove={point}
      onPointerDown={point}
      onPointerLeave={() => room?.send("cursor", null)}
    >
      <p className="hint">Move the pointer here. Open this address in another window to see it there.</p>
      {ids.map((id) => id !== room?.self && <Cursor key={id} id={id} />)}
    </section>
  );
}

/** Renders again only when this member moves or changes. */
function Cursor({ id }: { readonly id: string }): ReactElement | null {
  const [place, setPlace] = useState<Place>();
  const { name, hue } = personOf(useMember(id)?.data);
  useEvent("cursor", ({ from, data }) => {
    if (from === id) setPlace(placeOf(data));
  });
  if (place === undefined) return null;
  const style = { "--hue": hue, left: `${place.x * 100}%`, top: `${place.y * 100}%` } as CSSProperties;
  return (
    <div className="cursor" style={style}>
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        <path d="M1 1l5 14 2.5-6L15 6.5z" />
      </svg>
      <span>{name}</span>
    </div>
  );
}

/** From 0 to 1, from left to right and from top to bottom. */
interface Place {
  readonly x: number;
  readonly y: number;
}

function placeOf(data: Json): Place | undefined {
  const { x, y } = fieldsOf(data);
  const isPlace = [x, y].every((value) => typeof value === "number" && value >= 0 && value <= 1);
  return isPlace ? { x: Number(x), y: Number(y) } : undefined;
}
