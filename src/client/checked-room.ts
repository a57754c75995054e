import {
  messageProblem,
  presenceProblem,
  requestProblem,
  stateProblem,
  type AppSchemas,
} from "../protocol/app-schemas.ts";
import { bytesOf } from "../protocol/bytes.ts";
import { ParlorError } from "./error.ts";
import type { Room, Shared } from "./room.ts";
import { Emitter } from "./runtime/emitter.ts";
import { realEnvironment } from "./runtime/environment.ts";
import type { MemberRequest } from "./sending/requests.ts";
import { CheckedView } from "./views/checked-view.ts";
import type { RoomEvents, RoomMessage } from "./views/events.ts";
import type { DepartedMember, Member } from "./views/members.ts";
import type { SharedValue } from "./views/shared-state.ts";

/** The functions of a room that send or receive data. All others need no checks. */
type Checked = Pick<
  Room,
  | "on"
  | "publish"
  | "send"
  | "setPresence"
  | "members"
  | "shared"
  | "history"
  | "messages"
  | "request"
  | "onRequest"
>;

/**
 * A room that checks all data against schemas. Data that does not match is not sent, and the call is rejected with
 * `invalid_data`. Received data that does not match is left out, and reported as an event `error`.
 */
export function checkRoom(app: AppSchemas, room: Room): Room {
  const checked = checkedParts(app, room);
  return new Proxy(room, {
    get(target, name) {
      if (name in checked) return checked[name as keyof Checked];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

/** @throws ParlorError `invalid_data` for presence data that does not match its schema */
export function checkPresence(app: AppSchemas, data: unknown): void {
  throwIf(presenceProblem(app, data));
}

function checkedParts(app: AppSchemas, room: Room): Checked {
  const emitter = new Emitter<Pick<RoomEvents, "error">>(realEnvironment.report);
  /** Reports a problem with received data. Returns whether there is none. */
  const isFine = (problem: string | undefined, from: string): boolean => {
    if (problem !== undefined) emitter.emit("error", invalid(`received from ${from}: ${problem}`));
    return problem === undefined;
  };
  const isMessage = remembered((message: RoomMessage) => {
    const { event, data, bytes, from } = message;
    return isFine(messageProblem(app, event, bytes ?? data), from);
  });
  const member = remembered((one: Member): Member => {
    const { data, ...rest } = one;
    return data === undefined || isFine(presenceProblem(app, data), one.id) ? one : rest;
  });
  const value = (shared: SharedValue, key: string): SharedValue | undefined =>
    isFine(stateProblem(app, key, shared.value), `the shared state`) ? shared : undefined;

  const listeners: {
    readonly [Type in keyof RoomEvents]?: (event: RoomEvents[Type]) => RoomEvents[Type] | undefined;
  } = {
    message: (message) => (isMessage(message) ? message : undefined),
    presence: ({ joined, updated, left, count }) => ({
      joined: joined.map(member),
      updated: updated.map(member),
      // Data that does not match was reported while it was a member's.
      left: left.map(({ data, ...rest }): DepartedMember => {
        const isKept = data !== undefined && presenceProblem(app, data) === undefined;
        return isKept ? { ...rest, data } : rest;
      }),
      count,
    }),
  };
  const shared = new CheckedView(room.shared, value);
  return {
    on: (type, listener) => {
      const stops = [
        room.on(type, (event) => {
          const check = listeners[type];
          const passed = check === undefined ? event : check(event);
          return passed === undefined ? undefined : listener(passed);
        }),
      ];
      if (type === "error") stops.push(emitter.on(type, listener as (error: ParlorError) => void));
      return () => stops.forEach((stop) => stop());
    },
    publish: (event, data, options) =>
      attempt(() => {
        throwIf(messageProblem(app, event, sent(data)));
        return room.publish(event, data, options);
      }),
    send: (event, data, options) => {
      const problem = messageProblem(app, event, sent(data));
      if (problem === undefined) room.send(event, data, options);
      else emitter.emit("error", invalid(problem));
    },
    setPresence: (data, options) =>
      attempt(() => {
        checkPresence(app, data);
        return room.setPresence(data, options);
      }),
    members: new CheckedView(room.members, member),
    shared: Object.assign(shared, {
      set: ((values, options) =>
        attempt(() => {
          for (const [key, data] of Object.entries(values)) throwIf(stateProblem(app, key, data ?? null));
          return room.shared.set(values, options);
        })) as Shared["set"],
      update: ((key, change, options) =>
        room.shared.update(
          key,
          (before) => {
            const known =
              before === undefined || stateProblem(app, key, before) === undefined ? before : undefined;
            const after = change(known);
            if (after !== undefined) throwIf(stateProblem(app, key, after));
            return after;
          },
          options,
        )) as Shared["update"],
    }),
    history: (options) => filter(room.history(options), isMessage),
    messages: (options) => filter(room.messages(options), isMessage),
    request: (to, event, data, options) =>
      attempt(async () => {
        throwIf(requestProblem(app, event, "data", data ?? null));
        const reply = await room.request(to, event, data, options);
        throwIf(requestProblem(app, event, "reply", reply));
        return reply;
      }),
    onRequest: (event, handler) =>
      room.onRequest(event, async (request: MemberRequest) => {
        throwIf(requestProblem(app, event, "data", request.data));
        const reply: unknown = await handler(request);
        throwIf(requestProblem(app, event, "reply", reply ?? null));
        return reply;
      }),
  };
}

/** The data of a message as its receivers have it. */
function sent(data: unknown): unknown {
  return bytesOf(data) ?? data ?? null;
}

/** Calls the function once for each object, because each listener receives the same one. */
function remembered<Value extends object, Result>(check: (value: Value) => Result): (value: Value) => Result {
  const results = new WeakMap<Value, { readonly result: Result }>();
  return (value) => {
    const known = results.get(value) ?? { result: check(value) };
    results.set(value, known);
    return known.result;
  };
}

async function* filter(
  messages: AsyncGenerator<RoomMessage, void, undefined>,
  isFine: (message: RoomMessage) => boolean,
): AsyncGenerator<RoomMessage, void, undefined> {
  for await (const message of messages) if (isFine(message)) yield message;
}

/** A rejection that nobody handles is not reported as unhandled, as with acts of a room. */
function attempt<Result>(act: () => Promise<Result>): Promise<Result> {
  const result = new Promise<Result>((resolve) => resolve(act()));
  result.catch(() => undefined);
  return result;
}

function throwIf(problem: string | undefined): void {
  if (problem !== undefined) throw invalid(problem);
}

function invalid(problem: string): ParlorError {
  return new ParlorError("invalid_data", problem);
}
