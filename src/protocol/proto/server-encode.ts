import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import type { MemberEntry, MessageFrame, ServerFrame, StateFrame, WelcomeFrame } from "../frames.ts";
import {
  ServerFrameSchema,
  type KeyVersionSchema,
  type MemberListSchema,
  type MemberSchema,
  type ServerItemSchema,
  type StateChangeSchema,
  type WelcomeSchema,
} from "../generated/parlor_pb.ts";
import { groupMessages } from "./message-groups.ts";

type Item = NonNullable<MessageInitShape<typeof ServerItemSchema>["item"]>;

/**
 * Writes server frames as one frame of the binary dialect. Two concatenated frames are also one frame.
 *
 * Protobuf text is UTF-8: half a surrogate pair, which JSON can carry, becomes U+FFFD.
 */
export function encodeServerFrames(frames: readonly ServerFrame[]): Uint8Array<ArrayBuffer> {
  const items: { item: Item }[] = [];
  let run: MessageFrame[] = [];
  const endRun = (): void => {
    for (const value of groupMessages(run)) items.push({ item: { case: "messages", value } });
    run = [];
  };
  for (const frame of frames) {
    if (frame.type === "message") {
      run.push(frame);
      continue;
    }
    endRun();
    items.push({ item: itemOf(frame) });
  }
  endRun();
  return toBinary(ServerFrameSchema, create(ServerFrameSchema, { items }));
}

function itemOf(frame: Exclude<ServerFrame, MessageFrame>): Item {
  switch (frame.type) {
    case "welcome":
      return { case: "welcome", value: welcomeOf(frame) };
    case "state":
      return { case: "state", value: stateOf(frame) };
    case "presence": {
      const { joined = [], updated = [], left = [], members, mode, roster, count } = frame;
      const value = {
        ...{ joined: joined.map(memberOf), updated: updated.map(memberOf), left: [...left] },
        ...(members !== undefined && { members: listOf(members) }),
        ...(mode !== undefined && { mode }),
        ...{ roster, count },
      };
      return { case: "presence", value };
    }
    case "position":
      return { case: "position", value: { position: frame.position, reason: frame.reason } };
    case "ack": {
      const { ref, offset, expiresInMs } = frame;
      const value = {
        ...(ref !== undefined && { ref: whole(ref) }),
        ...(offset !== undefined && { offset: whole(offset) }),
        ...(expiresInMs !== undefined && { expiresInMs: whole(expiresInMs) }),
      };
      return { case: "ack", value };
    }
    case "error": {
      const { ref, code, message, retryAfterMs, limit, versions = {}, try: attempt } = frame;
      const value = {
        ...(ref !== undefined && { ref: whole(ref) }),
        ...{ code, message, versions: versionsOf(versions) },
        ...(retryAfterMs !== undefined && { retryAfterMs: whole(retryAfterMs) }),
        ...(limit !== undefined && { limit }),
        ...(attempt !== undefined && { try: whole(attempt) }),
      };
      return { case: "error", value };
    }
    case "history": {
      const { ref, messages, more, next } = frame;
      const value = {
        ...(ref !== undefined && { ref: whole(ref) }),
        messages: groupMessages(messages),
        more,
        ...(next !== undefined && { next: whole(next) }),
      };
      return { case: "history", value };
    }
    case "expiring":
      return { case: "expiring", value: { expiresInMs: whole(frame.expiresInMs) } };
    case "close":
      return { case: "close", value: { code: frame.code, reason: frame.reason } };
    case "pong":
      return { case: "pong", value: {} };
    default:
      return frame satisfies never;
  }
}

function welcomeOf(frame: WelcomeFrame): MessageInitShape<typeof WelcomeSchema> {
  const { protocol, session, key, member, user, time, history, position, head } = frame;
  const { recovered, reason, viewOnly = false, mode, roster, count, members } = frame;
  const { state, stateOffset, expiresInMs, pingIntervalMs, silenceTimeoutMs, limits } = frame;
  const { try: attempt } = frame;
  return {
    ...{ protocol, session, key, member, time: whole(time), history, position, head },
    ...(user !== undefined && { user }),
    ...(attempt !== undefined && { try: whole(attempt) }),
    ...(recovered !== undefined && { recovered }),
    ...(reason !== undefined && { reason }),
    ...{ viewOnly, mode, roster, count },
    ...(members !== undefined && { members: listOf(members) }),
    ...(state !== undefined && {
      state: {
        values: Object.entries(state).map(([name, [value, version]]) => ({
          key: name,
          json: JSON.stringify(value),
          version: whole(version),
        })),
      },
    }),
    ...(stateOffset !== undefined && { stateOffset: whole(stateOffset) }),
    ...(expiresInMs !== undefined && { expiresInMs: whole(expiresInMs) }),
    ...{ pingIntervalMs: whole(pingIntervalMs), silenceTimeoutMs: whole(silenceTimeoutMs), limits },
  };
}

function stateOf(frame: StateFrame): MessageInitShape<typeof StateChangeSchema> {
  const { offset, time, from, user, set = {}, delete: deleted = [] } = frame;
  return {
    ...{ offset: whole(offset), time: whole(time), from },
    ...(user !== undefined && { user }),
    set: Object.entries(set).map(([key, value]) => ({ key, json: JSON.stringify(value) })),
    delete: [...deleted],
  };
}

function listOf(members: readonly MemberEntry[]): MessageInitShape<typeof MemberListSchema> {
  return { members: members.map(memberOf) };
}

function memberOf({ id, user, info, data }: MemberEntry): MessageInitShape<typeof MemberSchema> {
  return {
    id,
    ...(user !== undefined && { user }),
    ...(info !== undefined && { info: JSON.stringify(info) }),
    ...(data !== undefined && { data: JSON.stringify(data) }),
  };
}

function versionsOf(versions: Readonly<Record<string, number>>): MessageInitShape<typeof KeyVersionSchema>[] {
  return Object.entries(versions).map(([key, version]) => ({ key, version: whole(version) }));
}

/** A number as the schema stores it. Fractions of a millisecond are rounded up. */
function whole(number: number): bigint {
  return BigInt(Math.max(0, Math.ceil(number)));
}
