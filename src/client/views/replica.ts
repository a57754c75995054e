import { fromBase64 } from "../../protocol/base64.ts";
import type { MessageFrame, PresenceFrame, StateFrame, WelcomeFrame } from "../../protocol/frames.ts";
import { REPLY, REQUEST } from "../../protocol/requests.ts";
import { Cursor } from "./cursor.ts";
import type { RoomEvents, RoomMessage } from "./events.ts";
import { LiveMap } from "./live-map.ts";
import { Members } from "./members.ts";
import type { Settings } from "../options.ts";
import { SharedState } from "./shared-state.ts";

/** Notifies listeners; does nothing if nothing has happened. */
export type Emit = <Type extends keyof RoomEvents>(type: Type, event: RoomEvents[Type] | undefined) => void;

/** What a {@link Replica} reports. */
export interface ReplicaListener {
  readonly emit: Emit;
  /** A member sent a request, or the reply to one. */
  readonly onRequest: (message: RoomMessage) => void;
  /** Adds a listener for one type of event. */
  readonly on: (type: keyof RoomEvents, listener: () => void) => () => void;
}

/** The client's copy of its room, updated by what the room sends: position, members and shared state. */
export class Replica {
  readonly cursor: Cursor;
  readonly members: Members;
  readonly shared: SharedState;
  /** This client's member id; `undefined` before the first welcome. */
  self: string | undefined;
  readonly #emit: Emit;
  readonly #onRequest: (message: RoomMessage) => void;

  constructor(
    { position, mode }: Pick<Settings, "position" | "mode">,
    { emit, onRequest, on }: ReplicaListener,
  ) {
    this.cursor = new Cursor(position);
    this.members = new Members(mode, new LiveMap((listener) => on("presence", listener)));
    this.shared = new SharedState(new LiveMap((listener) => on("shared", listener)));
    this.#emit = emit;
    this.#onRequest = onRequest;
  }

  /** The parameters of a join that say what this copy has already, so that the room sends only the rest. */
  get known(): { after: string | undefined; roster: string | undefined; state: boolean } {
    const { position } = this.cursor;
    // Without a position the room sends the state anyway.
    return {
      after: position,
      roster: this.members.roster,
      state: position !== undefined && !this.shared.isKnown,
    };
  }

  /** Applies a welcome. The returned function notifies listeners of it and of the changes. */
  welcomed(welcome: WelcomeFrame): () => void {
    this.self = welcome.member;
    this.cursor.reset(welcome.position);
    const { state, stateOffset = 0 } = welcome;
    const presence = this.members.update(welcome);
    const shared = state && this.shared.replace(state, stateOffset);
    return () => {
      const { session: _session, key: _key, ...contents } = welcome; // Secrets: listeners may log what they receive.
      this.#emit("welcome", contents);
      this.#emit("presence", presence);
      this.#emit("shared", shared);
    };
  }

  message(frame: MessageFrame): void {
    const { offset, from, event, to } = frame;
    // A recorded message is emitted once. The client's own volatile messages are not emitted.
    if (offset === undefined ? from === this.self : !this.cursor.pass(offset)) return;
    const message = messageOf(frame);
    if (offset === undefined && to !== undefined && (event === REQUEST || event === REPLY))
      this.#onRequest(message);
    else this.#emit("message", message);
  }

  state(frame: StateFrame): void {
    this.cursor.pass(frame.offset);
    this.#emit("shared", this.shared.update(frame));
  }

  presence(frame: PresenceFrame): void {
    this.#emit("presence", this.members.update(frame));
  }

  position(position: string): void {
    // Another log has another state, which is still empty (rules P6, T6).
    if (this.cursor.advance(position)) this.#emit("shared", this.shared.replace({}, 0));
  }
}

/** The message of a frame, as applications receive it. */
export function messageOf(frame: MessageFrame): RoomMessage {
  const { bytes } = frame;
  return { data: null, ...frame, bytes: bytes === undefined ? undefined : fromBase64(bytes) };
}
