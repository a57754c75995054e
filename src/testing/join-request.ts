import { KIND_OPTIONS } from "../config/kind-options.ts";
import { readAttempt } from "../protocol/attempts.ts";
import type { PresenceMode } from "../protocol/contract.ts";
import type { WireError } from "../protocol/errors.ts";
import { defined } from "../protocol/defined.ts";
import { isKey, randomKey } from "../protocol/ids.ts";
import { parseJson, utf8Length } from "../protocol/json.ts";
import { err, ok, type Result } from "../protocol/result.ts";
import { shown } from "../protocol/shown.ts";

/** A join as a client requests it: the query of its URL, and what it offers elsewhere. */
export interface JoinRequest {
  readonly key: string;
  readonly attempt?: number;
  readonly mode: PresenceMode;
  readonly after?: string;
  readonly rewind?: number;
  /** Presence data, JSON text. */
  readonly presence?: string;
  readonly roster?: string;
  readonly state: boolean;
  readonly viewOnly: boolean;
}

/** What takes precedence over the query. */
export interface JoinHeaders {
  /** `<key>` or `<key>.<try>`, offered as the subprotocol `resume.…`. */
  readonly resume?: string | undefined;
  readonly lastEventId?: string | undefined;
}

/** Reads the parameters of a join (rules J3, J6, J7, J11). */
export function readJoin(query: URLSearchParams, headers: JoinHeaders): Result<JoinRequest> {
  const get = (name: string): string | undefined => query.get(name) || undefined;
  const bad = (name: string, value: unknown, must: string): Result<JoinRequest> =>
    err({ code: "bad_request", message: `${name} is ${shown(value)}, must be ${must}` });
  const [resumeKey, resumeTry] = headers.resume?.split(".") ?? [];
  const key = resumeKey ?? get("key") ?? randomKey();
  if (!isKey(key)) return err({ code: "bad_key" });
  const attempt = readAttempt(resumeTry ?? get("try"));
  if (!attempt.ok) return attempt;
  const mode = get("mode") ?? "list";
  if (mode !== "list" && mode !== "count") return bad("mode", mode, "list or count");
  const rewind = get("rewind");
  if (rewind !== undefined && !/^\d{1,9}$/.test(rewind))
    return bad("rewind", rewind, "a whole number of messages");
  for (const name of ["state", "flow", "view"]) {
    const flag = get(name);
    if (flag !== undefined && flag !== "0" && flag !== "1") return bad(name, flag, "0 or 1");
  }
  const presence = get("presence");
  const data = presence === undefined ? undefined : parseJson(presence);
  if (presence !== undefined && data === undefined) return bad("presence", presence, "JSON");
  const text = data === undefined ? undefined : JSON.stringify(data);
  const refusal = text === undefined ? undefined : presenceRefusal(text);
  if (refusal !== undefined) return err(refusal);
  return ok(
    defined<JoinRequest>({
      ...{ key, mode, attempt: attempt.value },
      after: headers.lastEventId || get("after"),
      rewind: rewind === undefined ? undefined : Number(rewind),
      presence: text,
      roster: get("roster"),
      state: get("state") === "1",
      viewOnly: get("view") === "1",
    }),
  );
}

/** The error for presence data that is larger than the server's default allows. */
export function presenceRefusal(text: string): WireError | undefined {
  const [bytes, limit] = [utf8Length(text), KIND_OPTIONS.maxPresenceBytes.default];
  if (bytes <= limit) return undefined;
  const message = `presence data is ${bytes} bytes, the limit is ${limit}`;
  return { code: "presence_too_large", message, limit: "maxPresenceBytes" };
}
