import { shown } from "../../protocol/shown.ts";
import type { Kind } from "../../config/config.ts";
import type { HookMember, RoomHandle } from "../../config/hooks.ts";
import { toBase64 } from "../../protocol/base64.ts";
import { bytesOf } from "../../protocol/bytes.ts";
import { MAX_NAME_CHARS } from "../../protocol/frames.ts";
import { jsonText } from "../../protocol/json-text.ts";
import type { Json } from "../../protocol/json.ts";
import {
  bytesPayload,
  dataPayload,
  isLarger,
  messageParts,
  stateParts,
  type EntryParts,
  type Payload,
} from "../../protocol/messages.ts";
import type { Member, Members } from "../presence/members.ts";
import type { Outbox } from "../delivery/outbox.ts";
import { sizeOf, type StateDraft } from "../state/state-draft.ts";
import type { State } from "../state/state.ts";

/** The `from` of the room's own messages. */
const ROOM_SENDER = "room";

/** The parts of the room that hooks act on. */
export interface HookWorld {
  readonly kind: Kind;
  readonly room: string;
  readonly members: Members;
  readonly state: State;
  readonly outbox: Outbox;
}

/** The event for which a hook is called. */
export interface HookCall {
  readonly now: number;
  /** The changes of the state that take effect before those of the hook. The changes of the hook are added. */
  readonly draft: StateDraft;
  /** A member to leave out of the list that the hook sees. */
  readonly without?: string | undefined;
}

/**
 * Collects what a hook publishes, sends and sets. The effects are applied after the event for which the hook was
 * called. All of them are checked together with everything that takes effect before them.
 */
export class HookEffects {
  readonly #world: HookWorld;
  readonly #draft: StateDraft;
  readonly #effects: (() => void)[] = [];
  /** The handle that the hook receives. */
  readonly handle: RoomHandle;

  constructor(world: HookWorld, { now, draft, without }: HookCall) {
    const { kind, room, members, state, outbox } = world;
    this.#world = world;
    this.#draft = draft;
    this.handle = {
      name: room,
      kind: kind.name,
      now,
      members: () =>
        Array.from(members.all())
          .filter(({ id }) => id !== without)
          .map(hookMember),
      get: (key) => {
        const entry = state.get(key);
        return entry && { value: JSON.parse(entry.value) as Json, version: entry.version };
      },
      publish: (event, data, options) => {
        const parts = this.#parts(event, data, options?.to);
        this.#effects.push(() => outbox.record(parts));
      },
      send: (event, data, options) => {
        const parts = this.#parts(event, data, options?.to);
        this.#effects.push(() => outbox.volatile(parts));
      },
      set: (values, deleted = []) => {
        // The values are serialized now, so that later changes of these objects by the hook have no effect.
        const set = new Map(Object.entries(values).map(([key, value]) => [key, valueText(value)]));
        const gone = [...deleted];
        this.#mustHold(set, gone);
        this.#effects.push(() => this.#set(set, gone));
      },
    };
  }

  /** Applies all effects in the order of the hook's calls. */
  readonly apply = (): void => this.#effects.forEach((effect) => effect());

  /** Adds a change to the draft. Throws if the change is not allowed. */
  #mustHold(set: ReadonlyMap<string, string>, deleted: readonly string[]): void {
    const keys = [...set.keys(), ...deleted];
    if (keys.length === 0) throw new RangeError("set and delete name no key; name at least one");
    const odd = keys.find((key) => !isName(key));
    if (odd !== undefined)
      throw new RangeError(`key ${shown(odd)} must be a string of 1-${MAX_NAME_CHARS} characters`);
    if (new Set(keys).size < keys.length)
      throw new RangeError("set and delete name a key twice; name each key once");
    // The change becomes one frame and one row, like a member's change.
    const bytes = [...set].reduce((sum, [key, value]) => sum + sizeOf(key, value), 0);
    const { maxFrameBytes } = this.#world.kind;
    if (bytes > maxFrameBytes)
      throw new RangeError(`the change is ${bytes} bytes, the limit is ${maxFrameBytes} (maxFrameBytes)`);
    const full = this.#draft.add(set, deleted);
    if (full !== undefined) throw new RangeError(full.message);
  }

  #set(set: ReadonlyMap<string, string>, deleted: readonly string[]): void {
    const { state, outbox } = this.#world;
    state.stage({ set, deleted, owner: undefined }, outbox.nextOffset);
    outbox.record(stateParts({ from: ROOM_SENDER, user: "" }, set, deleted));
  }

  #parts(event: string, data: Json | Uint8Array, to: readonly string[] | undefined): EntryParts {
    const { maxFrameBytes, maxMembers } = this.#world.kind;
    const payload = payloadOf(data);
    if (isLarger(payload, maxFrameBytes))
      throw new RangeError(`the data is larger than ${maxFrameBytes} bytes (maxFrameBytes)`);
    const ids = to && [...to].map(String);
    if ((ids?.length ?? 0) > maxMembers)
      throw new RangeError(`to names ${ids?.length} members, the limit is ${maxMembers} (maxMembers)`);
    return messageParts({ from: ROOM_SENDER, user: "", to: ids }, checkedEvent(event), payload);
  }
}

/** A member as a hook sees it. */
export function hookMember({
  id,
  user,
  info,
  data,
}: Pick<Member, "id" | "user" | "info" | "data">): HookMember {
  const parsed = (text: string | undefined): Json => (text === undefined ? null : (JSON.parse(text) as Json));
  return { id, user, info: parsed(info), data: parsed(data) };
}

/** Checks the event name that a hook gave. Throws if it is invalid. */
export function checkedEvent(event: unknown): string {
  if (isName(event)) return event;
  throw new RangeError(`event ${shown(event)} must be a string of 1-${MAX_NAME_CHARS} characters`);
}

/** Encodes the data of a hook's message. Throws if the data cannot be sent. */
export function payloadOf(data: Json | Uint8Array | undefined): Payload {
  const bytes = bytesOf(data);
  return bytes === undefined ? dataPayload(jsonText(data)) : bytesPayload(toBase64(bytes));
}

/** Encodes a value of the state as JSON text. Throws for values that JSON cannot represent, including `undefined`. */
function valueText(value: Json | undefined): string {
  if (value === undefined)
    throw new TypeError("a value is undefined, must be JSON; list the key in deleted to delete it");
  return jsonText(value);
}

function isName(name: unknown): name is string {
  return typeof name === "string" && name !== "" && name.length <= MAX_NAME_CHARS;
}
