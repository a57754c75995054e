import { createContext, useContext } from "react";
import { ParlorError, type JoinOptions } from "../client/index.ts";
import { acquire, release, type Join, type OpenRoom } from "./open-rooms.ts";

/**
 * A provider's room. It exists from the first render on, also on a server. The connection is opened by an effect of the
 * provider, which runs before the effects of all components below it.
 */
export class RoomHandle {
  readonly #url: string;
  readonly #options: JoinOptions;
  readonly #join: Join;
  /** The room; `undefined` until it is open. */
  open: OpenRoom | undefined;

  constructor(url: string, options: JoinOptions, join: Join) {
    this.#url = url;
    this.#options = options;
    this.#join = join;
  }

  get url(): string {
    return this.#url;
  }

  /** The options of the first render with this address and key. */
  get options(): JoinOptions {
    return this.#options;
  }

  /** Opens the room, again with the newest presence data. The returned function ends this use of it. */
  attach(): () => void {
    const { presence } = this.open ?? this.#options;
    const open = acquire(this.#url, { ...this.#options, presence }, this.#join);
    this.open = open;
    return () => release(this.#url, this.#options, open);
  }

  /** The open room, for an act. @throws ParlorError `closed` before it is open */
  get opened(): OpenRoom {
    if (this.open !== undefined) return this.open;
    throw new ParlorError(
      "closed",
      "the room is not open yet; act in event handlers and effects, and neither during a render nor in a layout effect",
    );
  }
}

/** The room of the nearest provider above a component. */
export const RoomContext = createContext<RoomHandle | undefined>(undefined);

/** @param hook the name of the hook that needs the room */
export function useHandle(hook: string): RoomHandle {
  const handle = useContext(RoomContext);
  if (handle !== undefined) return handle;
  throw new Error(`${hook} is used outside of a RoomProvider; wrap the component in <RoomProvider url="…">`);
}

/** Acts at once. An act that is not possible now rejects, and like all acts it does not have to be handled. */
export function attempt<Result>(act: () => Promise<Result>): Promise<Result> {
  try {
    return act();
  } catch (error) {
    const rejected = Promise.reject<Result>(error);
    rejected.catch(() => {});
    return rejected;
  }
}
