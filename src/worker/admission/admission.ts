import { shown } from "../../protocol/shown.ts";
import type { Kind } from "../../config/config.ts";
import { readAttempt } from "../../protocol/attempts.ts";
import { OPEN_GRANTS, Rights, refusalWithout } from "../../protocol/capabilities.ts";
import {
  contractVersionOf,
  type FormatName,
  type JoinRequest,
  type PresenceMode,
} from "../../protocol/contract.ts";
import { defined } from "../../protocol/defined.ts";
import { dialectOf } from "../../protocol/dialects.ts";
import { HISTORY_LIMIT, MEMBERS_LIMIT } from "../../protocol/frames.ts";
import {
  deriveIdentity,
  deriveRequestName,
  deriveSource,
  isKey,
  isMemberId,
  randomKey,
} from "../../protocol/ids.ts";
import { parseJson, utf8Length } from "../../protocol/json.ts";
import { lostMessage, lostNumber } from "../../protocol/numbers.ts";
import { err, ok, type Result } from "../../protocol/result.ts";
import type { Principal } from "./authentication.ts";
import type { RoomReference } from "./room-reference.ts";
import type { HistoryRange, MembersRange } from "../../room/api.ts";

/** The parameters of a join that are not in its query. */
export interface Joiner {
  readonly dialect: FormatName;
  /** A key that is offered as a subprotocol. It takes precedence over the query's `key`. */
  readonly key?: string | undefined;
  /** The attempt number behind that key. It takes precedence over the query's `try`. */
  readonly attempt?: string | undefined;
  /** The last event id. It takes precedence over the query's `after`, because an EventSource repeats its URL. */
  readonly lastEventId?: string | undefined;
  /** The client's address ({@link addressOf}). */
  readonly address: string | undefined;
  readonly mayNotCreate?: boolean;
  /** How many seconds its poll waits; absent for any other transport. */
  readonly pollWaitS?: number | undefined;
  readonly mayOnlyContinue?: boolean;
}

/** Longer than any position or roster. A longer value is not valid, and is still not valid after it is cut. */
const MAX_POSITION_CHARS = 64;

/** Admits a join: checks its parameters and rights, and derives the client's identity. Calls no room. */
export async function admit(
  roomRequest: {
    readonly reference: RoomReference;
    readonly query: URLSearchParams;
    readonly principal: Principal;
  },
  joiner: Joiner,
): Promise<Result<JoinRequest>> {
  const { reference, query, principal } = roomRequest;
  const rights = new Rights(principal.access.grants);
  const needed = query.has("presence") ? (["join", "presence"] as const) : (["join"] as const);
  for (const capability of needed) {
    const refusal = refusalWithout(capability, rights);
    if (refusal !== undefined) return err(refusal);
  }
  const key = joiner.key ?? query.get("key") ?? principal.ticket?.key ?? randomKey();
  if (!isKey(key)) return err({ code: "bad_key" });
  const attempt = readAttempt(joiner.attempt ?? query.get("try") ?? undefined);
  if (!attempt.ok) return attempt;
  const mode = query.get("mode") ?? "list";
  if (!isMode(mode))
    return err({ code: "bad_request", message: `mode is ${shown(mode)}, must be list or count` });
  const rewind = query.get("rewind");
  if (rewind !== null && !/^\d{1,9}$/.test(rewind)) {
    return err({
      code: "bad_request",
      message: `rewind is ${shown(rewind)}, must be a whole number of messages`,
    });
  }
  const presence = readPresence(query.get("presence"), reference.kind);
  if (!presence.ok) return presence;
  const after = (joiner.lastEventId ?? query.get("after") ?? undefined)?.slice(0, MAX_POSITION_CHARS);
  const roster = query.get("roster")?.slice(0, MAX_POSITION_CHARS);
  const flags = { state: query.get("state"), flow: query.get("flow"), view: query.get("view") };
  for (const [name, flag] of Object.entries(flags)) {
    if (flag !== null && flag !== "0" && flag !== "1") {
      return err({ code: "bad_request", message: `${name} is ${shown(flag)}, must be 0 or 1` });
    }
  }
  return ok(
    defined({
      v: contractVersionOf(dialectOf(joiner.dialect)),
      ...(await deriveIdentity(reference.room, principal.user, key)),
      key,
      attempt: attempt.value,
      user: principal.user,
      // The rights of everyone are left out, because each socket would carry them in its attachment.
      access: principal.access.grants === OPEN_GRANTS ? undefined : principal.access,
      dialect: joiner.dialect,
      mode,
      after: after || undefined,
      rewind: rewind === null ? undefined : Number(rewind),
      presence: presence.value,
      roster,
      state: flags.state === "1" || undefined,
      // A bridge always reports how much its reader has read.
      flow: flags.flow === "1" || joiner.dialect === "bridge" || undefined,
      viewOnly: flags.view === "1" || undefined,
      ...(await sourceIn(reference.room, principal.user, joiner.address)),
      ticket: principal.ticket && { id: principal.ticket.id, useBy: principal.ticket.useBy },
      mayNotCreate: joiner.mayNotCreate || undefined,
      pollWaitS: joiner.pollWaitS,
      mayOnlyContinue: joiner.mayOnlyContinue || undefined,
    }),
  );
}

/** Derives the source of a request: its user or its address. An anonymous client without an address has no source. */
export async function sourceIn(
  room: string,
  user: string,
  address: string | undefined,
): Promise<{ readonly source?: string }> {
  if (user === "" && address === undefined) return {};
  return { source: await deriveSource(room, user, address ?? "") };
}

/** Derives the member behind a session header, if session and key belong to this room. */
export async function identify(
  reference: RoomReference,
  user: string,
  session: string,
  key: string,
): Promise<Result<{ member: string; user: string }>> {
  const identity = await deriveIdentity(reference.room, user, key);
  if (identity.session !== session) return err({ code: "bad_session" });
  return ok({ member: identity.member, user });
}

const MAX_IDEMPOTENCY_KEY_CHARS = 255;

/** Reads the header `Idempotency-Key`. Returns a name for the request that is unique in its room. */
export async function readRequestName(
  identity: { readonly member: string },
  header: string | null,
): Promise<Result<string | undefined>> {
  if (header === null) return ok(undefined);
  if (header === "" || header.length > MAX_IDEMPOTENCY_KEY_CHARS) {
    const message = `Idempotency-Key is ${header.length} characters, must be 1-${MAX_IDEMPOTENCY_KEY_CHARS}`;
    return err({ code: "bad_request", message });
  }
  return ok(await deriveRequestName(identity.member, header));
}

/** Reads the range of a request for members. */
export function readMembersRange(query: URLSearchParams): Result<MembersRange> {
  const [after, limit] = [query.get("after") ?? undefined, query.get("limit") ?? "200"];
  if (after !== undefined && !isMemberId(after)) {
    return err({ code: "bad_request", message: `after is ${shown(after)}, must be a member id` });
  }
  if (!/^\d{1,5}$/.test(limit) || Number(limit) < 1 || Number(limit) > MEMBERS_LIMIT) {
    return err({ code: "bad_request", message: `limit is ${shown(limit)}, must be 1 to ${MEMBERS_LIMIT}` });
  }
  return ok(defined({ limit: Number(limit), after }));
}

/** Reads the range of a request for history. */
export function readRange(query: URLSearchParams): Result<HistoryRange> {
  const names = ["after", "before", "since", "until", "limit"] as const;
  const found: (number | undefined)[] = [];
  for (const name of names) {
    const text = query.get(name);
    if (text !== null && !/^\d{1,15}$/.test(text)) {
      const message = `${name} is ${shown(text)}, must be a whole number, 0 or more`;
      return err({ code: "bad_request", message });
    }
    found.push(text === null ? undefined : Number(text));
  }
  const [after, before, since, until, limit = HISTORY_LIMIT.default] = found;
  if (limit < 1 || limit > HISTORY_LIMIT.max) {
    return err({ code: "bad_request", message: `limit is ${limit}, must be 1 to ${HISTORY_LIMIT.max}` });
  }
  return ok(defined({ limit, after, before, since, until }));
}

function readPresence(text: string | null, kind: Kind): Result<string | undefined> {
  if (text === null) return ok(undefined);
  const data = parseJson(text);
  if (data === undefined)
    return err({
      code: "bad_request",
      message: "presence is not valid JSON; percent-encode it in the query",
    });
  const lost = lostNumber(text);
  if (lost !== undefined) return err({ code: "bad_request", message: `presence: ${lostMessage(lost)}` });
  const written = JSON.stringify(data);
  if (utf8Length(written) <= kind.maxPresenceBytes) return ok(written);
  const message = `presence data is ${utf8Length(written)} bytes, the limit is ${kind.maxPresenceBytes}`;
  return err({ code: "presence_too_large", message, limit: "maxPresenceBytes" });
}

function isMode(text: string): text is PresenceMode {
  return text === "list" || text === "count";
}
