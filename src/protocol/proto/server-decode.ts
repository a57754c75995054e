import { fromBinary } from "@bufbuild/protobuf";
import type { MemberEntry, ServerFrame } from "../frames.ts";
import {
  ServerFrameSchema,
  type Member,
  type MemberList,
  type ServerItem,
  type StateSnapshot,
  type Welcome,
} from "../generated/parlor_pb.ts";
import type { Json } from "../json.ts";
import { messagesOf } from "./message-groups.ts";

/**
 * Reads a server's frame of the binary dialect. Returns the frames that it would have sent as JSON. Ignores items of an
 * unknown type (rule F2).
 *
 * @throws for a frame that no server sends
 */
export function decodeServerFrames(bytes: Uint8Array): ServerFrame[] {
  // Not checked: the server is trusted to use only the names in frames.ts and errors.ts.
  return fromBinary(ServerFrameSchema, bytes).items.flatMap(framesOf) as ServerFrame[];
}

function framesOf({ item }: ServerItem): object[] {
  switch (item.case) {
    case "welcome":
      return [welcomeOf(item.value)];
    case "messages":
      return [...messagesOf(item.value)];
    case "state": {
      const { offset, time, from, user, set, delete: deleted } = item.value;
      return [
        {
          ...{ type: "state", offset: Number(offset), time: Number(time), from },
          ...(user !== undefined && { user }),
          ...(set.length > 0 && { set: Object.fromEntries(set.map(({ key, json }) => [key, parsed(json)])) }),
          ...(deleted.length > 0 && { delete: deleted }),
        },
      ];
    }
    case "presence": {
      const { joined, updated, left, members, mode, roster, count } = item.value;
      return [
        {
          type: "presence",
          ...(mode !== undefined && { mode }),
          ...(joined.length > 0 && { joined: joined.map(entryOf) }),
          ...(updated.length > 0 && { updated: updated.map(entryOf) }),
          ...(left.length > 0 && { left: left.map(({ id, reason }) => ({ id, reason })) }),
          ...{ roster, count },
          ...(members !== undefined && { members: entriesOf(members) }),
        },
      ];
    }
    case "position":
      return [{ type: "position", position: item.value.position, reason: item.value.reason }];
    case "ack": {
      const { ref, offset, expiresInMs } = item.value;
      return [{ type: "ack", ...numbers({ ref, offset, expiresInMs }) }];
    }
    case "error": {
      const { ref, code, message, retryAfterMs, limit, versions, try: attempt } = item.value;
      return [
        {
          ...{ type: "error", ...numbers({ ref }), code, message, ...numbers({ retryAfterMs }) },
          ...(limit !== undefined && { limit }),
          ...(versions.length > 0 && {
            versions: Object.fromEntries(versions.map(({ key, version }) => [key, Number(version)])),
          }),
          ...numbers({ try: attempt }),
        },
      ];
    }
    case "history": {
      const { ref, messages, more, next } = item.value;
      const all = messages.flatMap((group) => [...messagesOf(group)]);
      return [{ type: "history", ...numbers({ ref }), messages: all, more, ...numbers({ next }) }];
    }
    case "expiring":
      return [{ type: "expiring", expiresInMs: Number(item.value.expiresInMs) }];
    case "close":
      return [{ type: "close", code: item.value.code, reason: item.value.reason }];
    case "pong":
      return [{ type: "pong" }];
    case undefined:
      return [];
    default:
      return item satisfies never;
  }
}

function welcomeOf(welcome: Welcome): object {
  const { protocol, session, key, member, user, time, history, position, head } = welcome;
  const { recovered, reason, viewOnly, mode, roster, count, members } = welcome;
  const { state, stateOffset, expiresInMs, pingIntervalMs, silenceTimeoutMs, limits } = welcome;
  const { try: attempt } = welcome;
  return {
    ...{ type: "welcome", protocol, session, key, member },
    ...(user !== undefined && { user }),
    ...numbers({ try: attempt }),
    ...(viewOnly && { viewOnly }),
    ...{ time: Number(time), history, position, head },
    ...(recovered !== undefined && { recovered }),
    ...(reason !== undefined && { reason }),
    ...{ mode, roster, count },
    ...numbers({ expiresInMs, stateOffset, pingIntervalMs, silenceTimeoutMs }),
    limits,
    ...(members !== undefined && { members: entriesOf(members) }),
    ...(state !== undefined && { state: snapshotOf(state) }),
  };
}

function snapshotOf({ values }: StateSnapshot): object {
  return Object.fromEntries(values.map(({ key, json, version }) => [key, [parsed(json), Number(version)]]));
}

function entriesOf({ members }: MemberList): MemberEntry[] {
  return members.map(entryOf);
}

function entryOf({ id, user, info, data }: Member): MemberEntry {
  return {
    id,
    ...(user !== undefined && { user }),
    ...(info !== undefined && { info: parsed(info) }),
    ...(data !== undefined && { data: parsed(data) }),
  };
}

/** The fields that are present, as numbers. */
function numbers(fields: Readonly<Record<string, bigint | undefined>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, Number(value)]])),
  );
}

function parsed(json: string): Json {
  return JSON.parse(json) as Json;
}
