import { shown } from "../../protocol/shown.ts";
import { Hono } from "hono";
import * as v from "valibot";

import type { RegistryApi, Revocation } from "../../auth/revocations.ts";
import type { Config } from "../../config/config.ts";
import { log } from "../../metrics/log.ts";
import { parseJson } from "../../protocol/json.ts";
import { isRoomName, kindOf } from "../../protocol/room-names.ts";
import { errorResponse, readBody } from "../../transports/upstream.ts";
import { callRoom, type Rooms } from "../rooms/rooms.ts";

/** The maximum size of a body, in bytes. A hundred room names fit. */
const MAX_BODY_BYTES = 32_768;

const DAY_MS = 86_400_000;

/** The body of a revocation: a user or a token, and the rooms that close its connections immediately. */
const REVOCATION = v.strictObject({
  user: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(128))),
  token: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(128))),
  rooms: v.optional(v.pipe(v.array(v.string()), v.maxLength(100)), []),
  keepMs: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(60_000), v.maxValue(365 * DAY_MS)),
    30 * DAY_MS,
  ),
});

/** What the routes need. */
interface Administered {
  readonly config: Config;
  readonly adminKeys: readonly string[];
  readonly rooms: Rooms;
  readonly registry: () => RegistryApi;
}

/** Makes the routes below `/admin`. They require one of the server's administration keys. */
export function createAdmin({ config, adminKeys, rooms, registry }: Administered): Hono {
  const app = new Hono();

  app.use(async (c, next) => {
    const key = /^Bearer +(\S+)$/i.exec(c.req.header("Authorization") ?? "")?.[1];
    if (key === undefined)
      return errorResponse({
        code: "token_missing",
        message: "this needs an administration key; send Authorization: Bearer prl_…",
      });
    if (await isOneOf(key, adminKeys)) return next();
    return errorResponse({
      code: "token_invalid",
      message: "the administration key is not one of ADMIN_KEYS",
    });
  });

  app.get("/revocations", async (c) => {
    const revocations = await callRoom(() => registry().since(0), { mayRepeat: true });
    return revocations.ok ? c.json({ revocations: revocations.value }) : errorResponse(revocations.error);
  });

  app.post("/revocations", async (c) => {
    const body = await readBody(c.req.raw, MAX_BODY_BYTES);
    if (!body.ok) return errorResponse(body.error);
    const parsed = v.safeParse(REVOCATION, parseJson(body.value));
    if (!parsed.success) return badRequest(v.summarize(parsed.issues).replaceAll("\n", " "));
    const { user, token, rooms: names, keepMs } = parsed.output;
    if ((user === undefined) === (token === undefined))
      return badRequest("the body must have either user or token");
    const unknown = names.find((name) => !isRoomName(name) || !config.kinds.has(kindOf(name)));
    if (unknown !== undefined)
      return badRequest(`${shown(unknown)} is not a room name, or its kind does not exist`);
    const what =
      token === undefined
        ? ({ kind: "user", id: user ?? "" } as const)
        : ({ kind: "token", id: token } as const);
    const revoked = await callRoom(() => registry().revoke(what, keepMs), { mayRepeat: true });
    if (!revoked.ok) return errorResponse(revoked.error);
    const revocation = revoked.value;
    if (revocation === undefined)
      return errorResponse({
        code: "unavailable",
        message:
          "the revocation list is full; retry when older revocations have expired, or use a shorter keepMs",
      });
    log("revoked", { kind: what.kind });
    const removed = await Promise.all(names.map(async (name) => [name, await removeFrom(name, revocation)]));
    return c.json({ revocation, removed: Object.fromEntries(removed) as Record<string, number | null> });
  });

  app.all("/revocations", () => errorResponse({ code: "method_not_allowed" }));
  return app;

  /** Closes the revoked connections in a room. Returns how many there were, or `null` if the room did not respond. */
  async function removeFrom(name: string, revocation: Revocation): Promise<number | null> {
    const kind = config.kinds.get(kindOf(name));
    if (kind === undefined) return 0;
    const removed = await callRoom(() => rooms.forCall(name, kind).revoke(revocation), { mayRepeat: true });
    return removed.ok ? removed.value : null;
  }
}

function badRequest(message: string): Response {
  return errorResponse({ code: "bad_request", message });
}

/** Whether a key is one of the known keys. Takes the same time for every key, so that timing reveals nothing. */
async function isOneOf(key: string, keys: readonly string[]): Promise<boolean> {
  const digest = await sha256(key);
  let isKnown = false;
  for (const known of keys) if (crypto.subtle.timingSafeEqual(digest, await sha256(known))) isKnown = true;
  return isKnown;
}

function sha256(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
}
