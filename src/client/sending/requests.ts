import type { AppTypes, RequestName, RequestPart } from "../../protocol/app-types.ts";
import { MAX_NAME_CHARS } from "../../protocol/frames.ts";
import { isJsonObject, type Json } from "../../protocol/json.ts";
import { REPLY, REQUEST } from "../../protocol/requests.ts";
import { ParlorError } from "../error.ts";
import type { Clock } from "../runtime/timers.ts";
import type { RoomEvents, RoomMessage } from "../views/events.ts";
import type { Replica } from "../views/replica.ts";
import type { Acts } from "./acts.ts";
import { encodePublish, type EncodedFrame } from "./encode.ts";
import type { Sender } from "./sender.ts";
import { waitFor, type WaitOptions } from "./waiting.ts";

/** How long to wait for a member's reply. */
export interface RequestOptions extends WaitOptions {
  /** The maximum time in milliseconds, also while there is no connection. @default 10_000 */
  readonly timeoutMs?: number | undefined;
}

/** A request of another member. */
export interface MemberRequest<
  App extends AppTypes = AppTypes,
  Event extends RequestName<App> = RequestName<App>,
> extends Pick<RoomMessage, "from" | "time"> {
  readonly event: RequestName<App>;
  readonly data: RequestPart<App, Event, "data", Json>;
  /** The verified user; `undefined` for an anonymous member. */
  readonly user: string | undefined;
}

/**
 * Handles requests. The requester receives what it returns or resolves with. To refuse a request, throw a {@link ParlorError}:
 * the requester receives its code and message. Any other error is reported like the error of a listener, and the requester
 * receives `request_failed`.
 */
export type Handler<App extends AppTypes = AppTypes, Event extends RequestName<App> = RequestName<App>> = (
  request: MemberRequest<App, Event>,
) => RequestPart<App, Event, "reply", unknown> | Promise<RequestPart<App, Event, "reply", unknown>>;

/** The parts of a room that requests use. */
export interface RequestContext {
  readonly acts: Acts;
  readonly sender: Sender;
  readonly replica: Replica;
  readonly clock: Clock;
  readonly handlers: ReadonlyMap<string, Handler>;
  readonly report: (error: unknown) => void;
  readonly on: <Type extends keyof RoomEvents>(
    type: Type,
    listener: (event: RoomEvents[Type]) => void,
  ) => () => void;
}

/** A request that has no reply yet. */
interface Waiting {
  readonly member: string;
  /** The frame, until it is sent. It is sent at most once. */
  frame: EncodedFrame | undefined;
  readonly resolve: (data: Json) => void;
  readonly reject: (error: unknown) => void;
}

const TIMEOUT_MS = 10_000;

/** Requests to other members and their replies, as volatile messages (rules R1-R3). */
export class Requests {
  readonly #context: RequestContext;
  readonly #waiting = new Map<string, Waiting>();
  /** Random, so that a late reply to a request of the previous page is not mistaken for a reply to one of this page. */
  readonly #page: string;
  #count = 0;

  constructor(context: RequestContext) {
    this.#context = context;
    this.#page = context.clock.random().toString(36).slice(2);
    context.on("welcome", () => {
      for (const [id, waiting] of this.#waiting) this.#send(id, waiting);
    });
    context.on("presence", ({ left }) => {
      for (const { id } of left) {
        this.#reject(new ParlorError("unknown_member", "the member has left the room"), id);
      }
    });
    context.on("closed", ({ error, reason }) =>
      this.#reject(error ?? new ParlorError("closed", reason ?? "the room was closed")),
    );
  }

  /** See {@link Room.request}. */
  request(
    member: string,
    event: string,
    data: unknown,
    { timeoutMs = TIMEOUT_MS, signal }: RequestOptions,
  ): Promise<Json> {
    const { acts, clock } = this.#context;
    const id = `${this.#page}.${++this.#count}`;
    const reply = waitFor<Json>({ timeoutMs, signal }, clock, (resolve, reject) => {
      if (acts.refusal !== undefined) throw acts.refusal;
      this.#checkMember(member);
      const frame = encode(REQUEST, id, member, { event, data });
      const waiting = { member, frame, resolve, reject };
      this.#waiting.set(id, waiting);
      this.#send(id, waiting);
    });
    const settled = (): void => void this.#waiting.delete(id);
    reply.then(settled, settled);
    return reply;
  }

  /** A request for this member has arrived, or the reply to one of its own. */
  receive(message: RoomMessage): void {
    const { event, from, data } = message;
    if (!isJsonObject(data)) return;
    const { id } = data;
    // The id is the key of the reply. A longer one would make the server reject the replies, and ban this client.
    if (typeof id !== "string" || id === "" || id.length > MAX_NAME_CHARS) return;
    if (event === REQUEST) {
      this.#handle(message, id, data["event"], data["data"]).catch(this.#context.report);
      return;
    }
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || waiting.member !== from) return;
    const { error } = data;
    if (isJsonObject(error)) {
      const { code, message: text } = error;
      const isWhole = typeof code === "string" && typeof text === "string";
      waiting.reject(isWhole ? new ParlorError(code, text) : new ParlorError(FAILED.code, FAILED.message));
    } else waiting.resolve((data["data"] ?? null) as Json);
  }

  async #handle(message: RoomMessage, id: string, event: unknown, data: unknown): Promise<void> {
    const { handlers, sender, report } = this.#context;
    const { from, user, time } = message;
    let frame: EncodedFrame;
    try {
      const handler = handlers.get(String(event));
      if (handler === undefined) {
        throw new ParlorError("no_handler", "the member handles no requests with this event");
      }
      const request = { from, user, time, event: String(event), data: (data ?? null) as Json };
      frame = encode(REPLY, id, from, { data: await handler(request) });
    } catch (error) {
      const isRefusal = error instanceof ParlorError;
      if (!isRefusal) report(error);
      const { code, message: text } = isRefusal ? error : FAILED;
      frame = encode(REPLY, id, from, { error: { code, message: text } });
    }
    if (!sender.sendVolatile(id, frame)) {
      // Without a connection this does nothing, too.
      sender.sendVolatile(
        id,
        encode(REPLY, id, from, { error: { code: "frame_too_large", message: TOO_LARGE } }),
      );
    }
  }

  #checkMember(member: string): void {
    const { self, members } = this.#context.replica;
    const isKnown = members.roster === undefined || members.byId.has(member);
    if (member === self || !isKnown) {
      throw new ParlorError("unknown_member", "requests can be sent to other members of the room only");
    }
  }

  #send(id: string, waiting: Waiting): void {
    const { frame } = waiting;
    const { sender } = this.#context;
    if (frame === undefined || !sender.isAttached) return;
    waiting.frame = undefined;
    if (!sender.sendVolatile(id, frame)) {
      waiting.reject(
        new ParlorError("frame_too_large", "the request is larger than maxFrameBytes; send less data"),
      );
    }
  }

  /** Rejects the requests to a member; without one, all requests. */
  #reject(error: ParlorError, member?: string): void {
    for (const waiting of this.#waiting.values()) {
      if (member === undefined || waiting.member === member) waiting.reject(error);
    }
  }
}

const TOO_LARGE = "the reply is larger than maxFrameBytes";

const FAILED = { code: "request_failed", message: "the member's handler failed" };

/** @throws ParlorError `bad_frame` for data that JSON cannot represent */
function encode(event: string, id: string, member: string, data: object): EncodedFrame {
  // The key is unique, so no other request or reply replaces this one while it waits (rule A4).
  return encodePublish(event, { id, ...data }, { volatile: true, key: id, to: [member] });
}
