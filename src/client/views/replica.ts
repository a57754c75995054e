import { fromBase64 } from "../../protocol/base64.ts";
import type { MessageFrame, PresenceFrame, StateFrame, WelcomeFrame } from "../../protocol/frames.ts";
import { Cursor } from "./cursor.ts";
import type { RoomEvents } from "./events.ts";
import { Members } from "./members.ts";
import type { Settings } from "../options.ts";
import { SharedState } from "./shared-state.ts";

/** Notifies listeners; does nothing if nothing has happened. */
export type Emit = <Type extends keyof RoomEvents>(type: Type, event: RoomEvents[Type] | undefined) => void;

/** The client's copy of its room, updated by what the room sends: position, members and shared state. */
export class Replica {
  readonly cursor: Cursor;
  readonly members: Members;
  readonly shared = new SharedState();
  /** This client's member id; `undefined` before the first welcome. */
  self: string | undefined;
  readonly #emit: Emit;

  /** @param emit notifies listeners of changes */
  constructor({ position, mode }: Pick<Settings, "position" | "mode">, emit: Emit) {
    this.cursor = new Cursor(position);
    this.members = new Members(mode);
    this.#emit = emit;
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
    const { offset, from, bytes } = frame;
    // A recorded message is emitted once. The client's own volatile messages are not emitted.
    if (offset === undefined ? from === this.self : !this.cursor.pass(offset)) return;
    this.#emit("message", {
      data: null,
      ...frame,
      bytes: bytes === undefined ? undefined : fromBase64(bytes),
    });
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
