import type { Kind } from "../config/config.ts";
import type { HookChange, HookMember, Refusal, RoomHandle } from "../config/hooks.ts";
import { log } from "../metrics/log.ts";
import { fromBase64, toBase64 } from "../protocol/base64.ts";
import { bytesOf } from "../protocol/bytes.ts";
import type { LeaveReason, PublishFrame } from "../protocol/frames.ts";
import { MAX_NAME_CHARS } from "../protocol/frames.ts";
import { jsonText } from "../protocol/json-text.ts";
import type { Json } from "../protocol/json.ts";
import {
  bytesPayload,
  dataPayload,
  isLarger,
  messageParts,
  stateParts,
  type EntryParts,
  type Payload,
} from "../protocol/messages.ts";
import { err, ok, type Result } from "../protocol/result.ts";
import type { Member, Members } from "./members.ts";
import type { Outbox } from "./outbox.ts";
import { textsOf, type State } from "./state.ts";

/** The `from` of what the room itself says. */
const ROOM_SENDER = "room";

/** What a hook did, to be done once what it was called for is. */
export type Aftermath = () => void;

const NOTHING: Aftermath = () => undefined;

/** Calls a kind's hooks, and keeps what goes wrong in them from the room. */
export class Hooks {
  readonly #kind: Kind;
  readonly #room: string;
  readonly #members: Members;
  readonly #state: State;
  readonly #outbox: Outbox;

  constructor(
    kind: Kind,
    room: string,
    of: { readonly members: Members; readonly state: State; readonly outbox: Outbox },
  ) {
    this.#kind = kind;
    this.#room = room;
    this.#members = of.members;
    this.#state = of.state;
    this.#outbox = of.outbox;
  }

  /** Whether someone may become a member. */
  join(member: Pick<Member, "id" | "user" | "info" | "data">, now: number): Result<Aftermath> {
    const { onJoin } = this.#kind.hooks;
    if (onJoin === undefined) return ok(NOTHING);
    const called = this.#call("onJoin", now, (room) => onJoin(room, hookMember(member)));
    return called.ok ? ok(called.value.after) : called;
  }

  /** Whether a member may say something, and what it then says. */
  publish(
    member: Member,
    frame: PublishFrame,
    now: number,
  ): Result<{ readonly event: string; readonly payload: Payload; readonly after: Aftermath }> {
    const { onPublish } = this.#kind.hooks;
    const { event, data, bytes, to, volatile: isVolatile } = frame;
    if (onPublish === undefined) {
      const payload = bytes === undefined ? dataPayload(JSON.stringify(data)) : bytesPayload(bytes);
      return ok({ event, payload, after: NOTHING });
    }
    const message = {
      event,
      data,
      bytes: bytes === undefined ? undefined : fromBase64(bytes),
      isVolatile,
      to,
    };
    const called = this.#call("onPublish", now, (room) => {
      const answer = onPublish(room, hookMember(member), message) ?? {};
      if (!isObject(answer) || "refused" in answer || "then" in answer) return answer as Refusal;
      const isOther = "bytes" in answer || "data" in answer;
      return {
        event: checkedEvent(answer.event ?? event),
        payload: payloadOf(isOther ? (answer.bytes ?? answer.data) : (message.bytes ?? data)),
      };
    });
    if (!called.ok) return called;
    const { answer = { event, payload: payloadOf(message.bytes ?? data) }, after } = called.value;
    return ok({ ...answer, after });
  }

  /** Whether a member may change the state. */
  set(member: Member, change: HookChange, now: number): Result<Aftermath> {
    const { onSet } = this.#kind.hooks;
    if (onSet === undefined) return ok(NOTHING);
    const called = this.#call("onSet", now, (room) => onSet(room, hookMember(member), change));
    return called.ok ? ok(called.value.after) : called;
  }

  /** A member has departed. */
  leave(member: Member, reason: LeaveReason, now: number): void {
    const { onLeave } = this.#kind.hooks;
    if (onLeave === undefined) return;
    const called = this.#call("onLeave", now, (room) => onLeave(room, hookMember(member), reason));
    if (called.ok) called.value.after();
  }

  #call<Answer extends object>(
    hook: string,
    now: number,
    work: (room: RoomHandle) => Refusal | Answer | void,
  ): Result<{ readonly answer: Answer | undefined; readonly after: Aftermath }> {
    // They wait for the hook to return.
    const effects: Aftermath[] = [];
    const after = (): void => effects.forEach((effect) => effect());
    try {
      const answer = work(this.#handle(effects, now)) ?? undefined;
      if (answer === undefined) return ok({ answer, after });
      // Its type forbids it, but not every team compiles with types: `condition && refuse("…")` returns false.
      if (!isObject(answer)) return this.#failed(hook, `a hook may not return ${String(answer)}`);
      if ("then" in answer) return this.#failed(hook, "a hook may not be asynchronous");
      if ("refused" in answer) return err({ code: "refused", message: String(answer.refused) });
      return ok({ answer, after });
    } catch (error) {
      return this.#failed(hook, error);
    }
  }

  #failed(hook: string, why: unknown): Result<never> {
    log("error", "hook_failed", { hook, kind: this.#kind.name, room: this.#room, reason: reasonOf(why) });
    return err({ code: "internal", message: "a rule of the room has failed" });
  }

  #handle(effects: Aftermath[], now: number): RoomHandle {
    return {
      name: this.#room,
      kind: this.#kind.name,
      now,
      members: () => Array.from(this.#members.all(), hookMember),
      get: (key) => {
        const entry = this.#state.get(key);
        return entry && { value: JSON.parse(entry.value) as Json, version: entry.version };
      },
      publish: (event, data, options) => {
        const parts = this.#parts(event, data, options?.to);
        effects.push(() => this.#outbox.record(parts));
      },
      send: (event, data, options) => {
        const parts = this.#parts(event, data, options?.to);
        effects.push(() => this.#outbox.volatile(parts));
      },
      set: (values, deleted = []) => {
        // Written at once: what a hook does to its values afterwards is nobody's business.
        const [set, gone] = [textsOf(new Map(Object.entries(values))), [...deleted]];
        this.#state.mustHold(set, gone);
        effects.push(() => this.#set(set, gone));
      },
    };
  }

  #set(set: ReadonlyMap<string, string>, deleted: readonly string[]): void {
    this.#state.stage({ set, deleted, owner: undefined }, this.#outbox.nextOffset);
    this.#outbox.record(stateParts({ from: ROOM_SENDER, user: "" }, set, deleted));
  }

  #parts(event: string, data: Json | Uint8Array, to: readonly string[] | undefined): EntryParts {
    const payload = payloadOf(data);
    const { maxFrameBytes } = this.#kind;
    if (isLarger(payload, maxFrameBytes)) throw new RangeError(`data is larger than ${maxFrameBytes}`);
    const ids = to && [...to].map(String);
    return messageParts({ from: ROOM_SENDER, user: "", to: ids }, checkedEvent(event), payload);
  }
}

function hookMember({ id, user, info, data }: Pick<Member, "id" | "user" | "info" | "data">): HookMember {
  const parsed = (text: string | undefined): Json => (text === undefined ? null : (JSON.parse(text) as Json));
  return { id, user, info: parsed(info), data: parsed(data) };
}

function checkedEvent(event: unknown): string {
  if (typeof event === "string" && event.length > 0 && event.length <= MAX_NAME_CHARS) return event;
  throw new RangeError(`an event is a string of 1-${MAX_NAME_CHARS} characters`);
}

/** What a hook says. Throws for what cannot be carried. */
function payloadOf(data: Json | Uint8Array | undefined): Payload {
  const bytes = bytesOf(data);
  return bytes === undefined ? dataPayload(jsonText(data)) : bytesPayload(toBase64(bytes));
}

function isObject(answer: unknown): answer is object {
  return typeof answer === "object" && answer !== null;
}

/** What went wrong, as text. Anything may be thrown, even what cannot be written. */
function reasonOf(why: unknown): string {
  try {
    return String(why);
  } catch {
    return "something that cannot be written";
  }
}
