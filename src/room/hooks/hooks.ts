import type { Kind } from "../../config/config.ts";
import {
  messageProblem,
  presenceProblem,
  requestMessageProblem,
  stateProblem,
  type AppSchemas,
} from "../../protocol/app-schemas.ts";
import { checkHooks } from "../../config/check-hooks.ts";
import type { HookChange, KindHooks, Refusal, RoomHandle } from "../../config/hooks.ts";
import { log } from "../../metrics/log.ts";
import { fromBase64 } from "../../protocol/base64.ts";
import { defined } from "../../protocol/defined.ts";
import type { WireError } from "../../protocol/errors.ts";
import type { LeaveReason, PublishFrame } from "../../protocol/frames.ts";
import { jsonText } from "../../protocol/json-text.ts";
import { utf8Length, type Json } from "../../protocol/json.ts";
import { bytesPayload, dataPayload, type Payload } from "../../protocol/messages.ts";
import { REPLY, REQUEST } from "../../protocol/requests.ts";
import { err, ok, type Result } from "../../protocol/result.ts";
import {
  HookEffects,
  checkedEvent,
  hookMember,
  payloadOf,
  type HookCall,
  type HookWorld,
} from "./hook-effects.ts";
import type { Member, Members } from "../presence/members.ts";
import type { Outbox } from "../delivery/outbox.ts";
import type { StateDraft } from "../state/state-draft.ts";
import type { State, StateChange } from "../state/state.ts";

/** Applies the effects of a hook. It is called after the event for which the hook was called. */
export type Aftermath = () => void;

const NOTHING: Aftermath = () => undefined;

/** What hooks see of a member or of a joining client. */
export type Candidate = Pick<Member, "id" | "user" | "info" | "data">;

/** The decision of the hooks about a join. */
export interface Joining {
  /** The presence data after the join, JSON text. */
  readonly data: string | undefined;
  /** Why the room did not accept the presence data of a reconnecting member. */
  readonly refused?: WireError;
  readonly after: Aftermath;
}

/** Checks what members send against the schemas of a kind, calls its hooks, and protects the room from their failures. */
export class Hooks {
  readonly #kind: Kind;
  readonly #world: HookWorld;
  /** The hooks of this room; `undefined` until the kind's `create` has made them. */
  #own: Result<KindHooks> | undefined;

  constructor(
    kind: Kind,
    room: string,
    of: { readonly members: Members; readonly state: State; readonly outbox: Outbox },
  ) {
    this.#kind = kind;
    this.#world = { kind, room, ...of };
    this.#own = kind.create === undefined ? ok(kind.hooks) : undefined;
  }

  /**
   * Asks the hooks whether a client may join or reconnect, and with which presence data.
   *
   * @param member the joining client with its current presence data
   * @param brought the presence data in the join request, JSON text; absent if there is none
   */
  join(member: Candidate, brought: string | undefined, isReturn: boolean, now: number): Result<Joining> {
    const own = this.#hooks();
    if (!own.ok) return own;
    const hooks = own.value;
    const changed = brought === undefined || brought === member.data ? undefined : brought;
    const asked = changed === undefined ? undefined : this.presence(member, changed, now);
    // A reconnect is not rejected because of its data: the client cannot know that the room no longer accepts it.
    if (asked?.ok === false && !isReturn) return asked;
    const refused = asked?.ok === false ? { refused: asked.error } : {};
    const taken = asked?.ok === true ? asked.value : { data: member.data, after: NOTHING, draft: undefined };
    const { data } = taken;
    if (hooks.onJoin === undefined) return ok({ data, ...refused, after: taken.after });
    const draft = (taken.draft ?? this.#world.state.draft()).next();
    const call = { now, draft, without: member.id };
    const called = this.#call("onJoin", call, (room) =>
      hooks.onJoin?.(room, hookMember({ ...member, data }), { isReturn }),
    );
    if (!called.ok) return called;
    const after = (): void => {
      taken.after();
      called.value.after();
    };
    return ok({ data, ...refused, after });
  }

  /** Asks the hook whether a member may change its presence data, and returns the resulting data, JSON text. */
  presence(
    member: Candidate,
    brought: string,
    now: number,
  ): Result<{ readonly data: string; readonly after: Aftermath; readonly draft: StateDraft | undefined }> {
    const checked = this.#check((schemas) => presenceProblem(schemas, JSON.parse(brought)));
    if (!checked.ok) return checked;
    const own = this.#hooks();
    if (!own.ok) return own;
    const hooks = own.value;
    if (hooks.onPresence === undefined) return ok({ data: brought, after: NOTHING, draft: undefined });
    const draft = this.#world.state.draft();
    const call = { now, draft, without: member.id };
    const called = this.#call("onPresence", call, (room) => {
      const answer = hooks.onPresence?.(room, hookMember(member), JSON.parse(brought) as Json) ?? {};
      if (!isChange(answer)) return answer as Refusal;
      return { text: "data" in answer ? this.#presenceText(answer.data) : brought };
    });
    if (!called.ok) return called;
    const { answer, after } = called.value;
    return ok({ data: answer?.text ?? brought, after, draft });
  }

  /** Asks the hook whether a member may publish a message, and returns the resulting message. */
  publish(
    member: Member,
    frame: PublishFrame,
    now: number,
  ): Result<{ readonly event: string; readonly payload: Payload; readonly after: Aftermath }> {
    const { event, data, bytes, to, volatile: isVolatile } = frame;
    const isRequest = isVolatile && to !== undefined && (event === REQUEST || event === REPLY);
    const checked = this.#check((schemas) =>
      (isRequest ? requestMessageProblem : messageProblem)(
        schemas,
        event,
        bytes === undefined ? data : fromBase64(bytes),
      ),
    );
    if (!checked.ok) return checked;
    const own = this.#hooks();
    if (!own.ok) return own;
    const hooks = own.value;
    if (hooks.onPublish === undefined) {
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
    const called = this.#call("onPublish", { now, draft: this.#world.state.draft() }, (room) => {
      const answer = hooks.onPublish?.(room, hookMember(member), message) ?? {};
      if (!isChange(answer)) return answer as Refusal;
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

  /**
   * Asks the hook whether a member may change the state.
   *
   * @param asked the change as hooks see it
   * @param change the same change as it will be staged
   */
  set(member: Member, asked: HookChange, change: StateChange, now: number): Result<Aftermath> {
    const checked = this.#check((schemas) => changeProblem(schemas, asked));
    if (!checked.ok) return checked;
    const own = this.#hooks();
    if (!own.ok) return own;
    const hooks = own.value;
    if (hooks.onSet === undefined) return ok(NOTHING);
    const draft = this.#world.state.draft();
    draft.add(change.set, change.deleted); // The change has been checked already.
    const called = this.#call("onSet", { now, draft }, (room) =>
      hooks.onSet?.(room, hookMember(member), asked),
    );
    return called.ok ? ok(called.value.after) : called;
  }

  /** Reports that a member has left. */
  leave(member: Member, reason: LeaveReason, now: number): void {
    const own = this.#hooks();
    if (!own.ok) return;
    const hooks = own.value;
    if (hooks.onLeave === undefined) return;
    const call = { now, draft: this.#world.state.draft() };
    const called = this.#call("onLeave", call, (room) => hooks.onLeave?.(room, hookMember(member), reason));
    if (called.ok) called.value.after();
  }

  /** Checks what a member sends against the schemas. A schema that fails is treated like a hook that throws. */
  #check(problemOf: (schemas: AppSchemas) => string | undefined): Result<undefined> {
    const { schemas } = this.#kind;
    if (schemas === undefined) return ok(undefined);
    try {
      const message = problemOf(schemas);
      return message === undefined ? ok(undefined) : err({ code: "invalid_data", message });
    } catch (error) {
      return this.#failed("schemas", error);
    }
  }

  /** The hooks of this room. If a kind's `create` fails, the next event calls it again. */
  #hooks(): Result<KindHooks> {
    if (this.#own !== undefined) return this.#own;
    const { kind, room } = this.#world;
    const problems: string[] = [];
    try {
      const hooks: unknown = kind.create?.({ name: room, kind: kind.name });
      if (checkHooks(hooks, (problem) => problems.push(problem))) return (this.#own = ok(hooks));
    } catch (error) {
      return this.#failed("create", error);
    }
    return this.#failed("create", `create returned no hooks: ${problems.join("; ")}`);
  }

  #call<Answer extends object>(
    hook: string,
    call: HookCall,
    work: (room: RoomHandle) => Refusal | Answer | void,
  ): Result<{ readonly answer: Answer | undefined; readonly after: Aftermath }> {
    const effects = new HookEffects(this.#world, call);
    const after = effects.apply;
    try {
      const answer = work(effects.handle) ?? undefined;
      if (answer === undefined) return ok({ answer, after });
      // The type forbids it, but not every team compiles with types: `condition && refuse("…")` returns false.
      if (!isObject(answer))
        return this.#failed(
          hook,
          `a hook returned ${String(answer)}, must return undefined, a change or refuse(…)`,
        );
      if ("then" in answer) return this.#failed(hook, "a hook returned a promise; hooks are synchronous");
      if ("refused" in answer) return err(refusalOf(answer));
      return ok({ answer, after });
    } catch (error) {
      return this.#failed(hook, error);
    }
  }

  #failed(hook: string, why: unknown): Result<never> {
    const { kind, room } = this.#world;
    log("hook_failed", { hook, kind: kind.name, room, reason: reasonOf(why) });
    return err({ code: "internal", message: "a rule of the room failed; the server has logged the reason" });
  }

  /** Encodes the presence data that a hook returned. Throws if it is too large or not JSON. */
  #presenceText(data: Json | undefined): string {
    const text = jsonText(data);
    const { maxPresenceBytes } = this.#kind;
    if (utf8Length(text) <= maxPresenceBytes) return text;
    throw new RangeError(
      `presence data is ${utf8Length(text)} bytes, the limit is ${maxPresenceBytes} (maxPresenceBytes)`,
    );
  }
}

/** What is wrong with a change of the state; `undefined` if nothing is. */
function changeProblem(schemas: AppSchemas, { set }: HookChange): string | undefined {
  for (const [key, value] of set) {
    const problem = stateProblem(schemas, key, value);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Whether the result of a hook is a change, not a refusal or an invalid value. */
function isChange<Answer extends object>(answer: Answer | Refusal): answer is Answer {
  return isObject(answer) && !("refused" in answer) && !("then" in answer);
}

function isObject(answer: unknown): answer is object {
  return typeof answer === "object" && answer !== null;
}

/** The error for a hook's refusal. An invalid retry time is left out. */
function refusalOf({ refused, retryAfterMs }: Refusal): WireError {
  const hasTime = typeof retryAfterMs === "number" && retryAfterMs >= 0 && retryAfterMs <= MAX_RETRY_AFTER_MS;
  return defined({
    code: "refused",
    message: String(refused),
    retryAfterMs: hasTime ? Math.ceil(retryAfterMs) : undefined,
  });
}

/** The maximum retry time that a hook can set, in milliseconds: a day. */
const MAX_RETRY_AFTER_MS = 86_400_000;

/** The reason for a failure, as text. A hook may throw anything, even values that cannot be converted to text. */
function reasonOf(why: unknown): string {
  try {
    return String(why);
  } catch {
    return "a value that cannot be converted to text";
  }
}
