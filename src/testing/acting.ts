import { KIND_OPTIONS } from "../config/kind-options.ts";
import { decodeClientText } from "../protocol/decode.ts";
import { errorFrame } from "../protocol/encode.ts";
import type { WireError } from "../protocol/errors.ts";
import type {
  AnswerFrame,
  ClientFrame,
  PresenceUpdateFrame,
  PublishFrame,
  SetFrame,
} from "../protocol/frames.ts";
import { utf8Length } from "../protocol/json.ts";
import { bytesPayload, dataPayload, messageParts } from "../protocol/messages.ts";
import type { Actor } from "./connection.ts";
import type { Failures } from "./failures.ts";
import { presenceRefusal } from "./join-request.ts";
import type { RoomModel } from "./room-model.ts";

/** Where the replies to the items of a frame go. */
export interface Replies {
  item(index: number, frame: AnswerFrame): void;
  /** The frame is rejected as a whole. */
  whole(error: WireError): void;
}

/** Sends the reply to an item. Returns `undefined`, which stands for no error. */
type Reply = (frame: AnswerFrame) => undefined;

/** Handles a frame or the body of a POST, in one turn of the room. */
export function receive(
  room: RoomModel,
  actor: Actor,
  text: string,
  replies: Replies,
  failures: Failures,
): void {
  room.turn(() => {
    const maxBytes = KIND_OPTIONS.maxFrameBytes.default;
    const bytes = utf8Length(text);
    if (bytes > maxBytes) {
      const message = `the frame is at least ${bytes} bytes, the limit is ${maxBytes}`;
      return replies.whole({ code: "frame_too_large", message, limit: "maxFrameBytes" });
    }
    const items = decodeClientText(text);
    if (!items.ok) return replies.whole(items.error);
    for (const [index, item] of items.value.entries()) {
      const reply: Reply = (frame) => {
        replies.item(index, frame);
        return undefined;
      };
      const error = item.ok ? act(room, actor, item.value, reply, failures) : item.error;
      if (error === undefined) continue;
      const ref = item.ok && "ref" in item.value ? item.value.ref : error.ref;
      reply(errorFrame({ ...error, ...(ref !== undefined && { ref }) }));
    }
  });
}

/** Performs an act. Returns the error if it is rejected. */
function act(
  room: RoomModel,
  actor: Actor,
  frame: ClientFrame,
  reply: Reply,
  failures: Failures,
): WireError | undefined {
  const { session, member } = actor;
  if (frame.type === "leave" || frame.type === "presence" || frame.type === "auth") {
    const newest = room.newestAttemptOf(session);
    const { attempt = newest } = actor;
    // Without a connection, a higher number belongs to a newer connection than the last one (rule H9).
    const isOther = room.connectionOf(session) === undefined ? attempt < newest : attempt !== newest;
    if (isOther) return { code: "superseded", try: newest };
  }
  const isWatching = room.connectionOf(session)?.viewOnly === true;
  switch (frame.type) {
    case "publish":
    case "set": {
      if (isWatching) return { code: "view_only" };
      const offset = frame.ref === undefined ? undefined : room.history.offsetOf(session, frame.ref);
      if (offset !== undefined) return reply({ type: "ack", ...withRef(frame), offset });
      if (room.memberOf(member) === undefined) return { code: "not_joined" };
      const failure = failures.take();
      if (failure !== undefined) return failure;
      return frame.type === "publish" ? publish(room, actor, frame, reply) : set(room, actor, frame, reply);
    }
    case "presence":
      if (isWatching) return { code: "view_only" };
      if (room.memberOf(member) === undefined) return { code: "not_joined" };
      return failures.take() ?? setPresence(room, actor, frame, reply);
    case "history": {
      const failure = failures.take();
      if (failure !== undefined) return failure;
      const viewer = { member: isWatching ? undefined : member, seesState: true };
      return reply({ type: "history", ...withRef(frame), ...room.history.page(frame, viewer) });
    }
    case "seen": // The window is never full here.
      return reply({ type: "ack" });
    case "auth":
      if (actor.user !== "") return reply({ type: "ack", ...withRef(frame) });
      return {
        code: "forbidden",
        message: "an anonymous session has no token to renew; join again with a token",
      };
    case "leave": {
      const connection = room.connectionOf(session);
      if (connection === undefined && room.memberOf(member) === undefined) return { code: "not_joined" };
      reply({ type: "ack", ...withRef(frame) });
      if (connection === undefined) room.end(member, "left");
      else room.depart(connection, "left", "left");
      return undefined;
    }
    default:
      return frame satisfies never;
  }
}

function publish(
  room: RoomModel,
  { session, member, user }: Actor,
  frame: PublishFrame,
  reply: Reply,
): WireError | undefined {
  const { event, data, bytes, to, key, ref } = frame;
  const stranger = to?.find((id) => room.memberOf(id) === undefined);
  if (stranger !== undefined)
    return { code: "unknown_member", message: `no member of the room has the id "${stranger}"` };
  const payload = bytes === undefined ? dataPayload(JSON.stringify(data)) : bytesPayload(bytes);
  const parts = messageParts({ from: member, user, to }, event, payload);
  if (frame.volatile) {
    room.send(parts, JSON.stringify([member, event, key, to]));
    return reply({ type: "ack" });
  }
  acknowledge(room, session, ref, room.record(parts), reply);
  return undefined;
}

function set(
  room: RoomModel,
  { session, member, user }: Actor,
  frame: SetFrame,
  reply: Reply,
): WireError | undefined {
  const texts = new Map(Array.from(frame.set, ([key, value]) => [key, JSON.stringify(value)] as const));
  const change = { set: texts, delete: frame.delete };
  const refusal = room.shared.refusalOf(frame, member, change);
  if (refusal !== undefined) return refusal;
  const offset = room.change({ from: member, user }, change, frame.own ? member : undefined);
  acknowledge(room, session, frame.ref, offset, reply);
  return undefined;
}

function setPresence(
  room: RoomModel,
  { member }: Actor,
  frame: PresenceUpdateFrame,
  reply: Reply,
): WireError | undefined {
  const text = JSON.stringify(frame.data);
  const refusal = presenceRefusal(text);
  if (refusal !== undefined) return refusal;
  room.setPresence(member, text);
  reply({ type: "ack", ...withRef(frame) });
  return undefined;
}

/** Remembers a recorded act, and acknowledges it at the end of the turn. */
function acknowledge(
  room: RoomModel,
  session: string,
  ref: number | undefined,
  offset: number,
  reply: Reply,
): void {
  if (ref !== undefined) room.history.remember(session, ref, offset);
  room.outbox.acknowledge(() => reply({ type: "ack", offset, ...(ref !== undefined && { ref }) }));
}

function withRef({ ref }: { readonly ref?: number }): { readonly ref?: number } {
  return ref === undefined ? {} : { ref };
}
