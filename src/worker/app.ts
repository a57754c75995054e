import { Hono, type Context } from "hono";
import { cors } from "hono/cors";
import { getPath } from "hono/utils/url";

import type { Config } from "../config/config.ts";
import { log } from "../metrics/log.ts";
import { Rights, refusalWithout, type Capability } from "../protocol/capabilities.ts";
import { contractVersionOf } from "../protocol/contract.ts";
import type { ErrorCode, WireError } from "../protocol/errors.ts";
import { err, type Result } from "../protocol/result.ts";
import { PROTOCOL_VERSION } from "../protocol/version.ts";
import type { Reader, ReadOutcome } from "../room/api.ts";
import { Bridge } from "../transports/bridge.ts";
import { CLOSED_ID, eventStream, lastEventIdOf, readsEvents, refuseEvents } from "../transports/sse.ts";
import { SESSION_HEADER, answerActs, errorResponse, readBody, readSession } from "../transports/upstream.ts";
import { isUpgrade, readOffer, refuseUpgrade } from "../transports/websocket.ts";
import { AddressLimit } from "./admission/address-limit.ts";
import {
  admit,
  identify,
  readMembersRange,
  readRange,
  readRequestName,
  sourceIn,
  type Joiner,
} from "./admission/admission.ts";
import { Callers, type Caller } from "./admission/callers.ts";
import type { Carried, Env } from "./env.ts";
import { Authenticator, hasTokenInUrl, type TokenChecks } from "./admission/authentication.ts";
import { openSocket, type Joined } from "./rooms/room-socket.ts";
import type { ClientLocation } from "./rooms/location.ts";
import { NewRooms } from "./admission/new-rooms.ts";
import { Origins } from "./admission/origins.ts";
import { queryOf, withoutSpareSlashes } from "./admission/paths.ts";
import type { RoomReference } from "./admission/room-reference.ts";
import { Rooms, callRoom, type Stub } from "./rooms/rooms.ts";
import { StreamLimit } from "./admission/stream-limit.ts";
import { RefusalCache } from "./admission/refusal-cache.ts";
import { withTimeout } from "./timeout.ts";

/** How long a probe waits for an object, in milliseconds. */
const READY_TIMEOUT_MS = 5_000;

/** What is known of each request before its route is chosen, and what comes with it. */
interface Known extends Carried {
  readonly Variables: { caller: Caller };
}

/** A request on its way through the routes. */
type Incoming = Context<Known>;

/** Makes the Worker's routes: what each address of a room does with a request. */
export function createApp(config: Config, env: Env, tokenChecks: TokenChecks): Hono<Known> {
  const origins = new Origins(config.server.allowedOrigins);
  const callers = new Callers(config, new Authenticator(tokenChecks), origins);
  const rooms = new Rooms(env.ROOM, config.server.fallbackLocation);
  const isLimited = config.server.addressLimits === "on";
  const limits = {
    joinsPerAddress: isLimited ? new AddressLimit("joinsPerAddress", env.JOINS_PER_ADDRESS) : undefined,
    requestsPerAddress: isLimited
      ? new AddressLimit("requestsPerAddress", env.REQUESTS_PER_ADDRESS)
      : undefined,
  };
  const newRooms = isLimited ? new NewRooms(config.server.newRoomsPerDay) : undefined;
  const { sseStreamsPerSource, sseHeartbeatMs } = config.server;
  const streamLimit = isLimited ? new StreamLimit(sseStreamsPerSource, sseHeartbeatMs) : undefined;
  const refusalCache = new RefusalCache();
  const app = new Hono<Known>({ getPath: (request) => withoutSpareSlashes(getPath(request)) });

  // The headers of an upgrade's response cannot be changed, so it is passed through unchanged. A preflight allows all headers
  // that it asks for, because tracing agents add some to every request of a page.
  const crossOrigin = cors({
    origin: (origin) => origins.shared(origin),
    allowMethods: ["GET", "POST"],
    exposeHeaders: ["Retry-After"],
    maxAge: 86_400,
  });
  app.use((c, next) => (isUpgrade(c.req.raw) ? next() : crossOrigin(c, next)));

  // Every request counts before its route is chosen, even if it matches no route. Only preflights do not count: they are
  // answered above without any lookup, and do not show which user sends them.
  app.use(async (c, next) => {
    const caller = await callers.identify(c.req.raw, c.req.path);
    const crowded = await limits[caller.limit]?.refusal(caller.source);
    if (crowded !== undefined) return refuse(c.req.raw, crowded);
    c.set("caller", caller);
    return next();
  });

  app.get("/healthz", (c) => c.json({ status: "ok", protocol: PROTOCOL_VERSION }));
  app.get("/readyz", async (c) => {
    const answered = await callRoom(() => withTimeout(READY_TIMEOUT_MS, rooms.probe().ready()), {
      mayRepeat: true,
    });
    return answered.ok ? c.json({ status: "ready" }) : errorResponse(answered.error);
  });

  app.get("/rooms/:room", (c) => (isUpgrade(c.req.raw) ? joinByWebSocket(c) : readInfo(c)));
  app.get("/rooms/:room/events", joinByEvents);
  app.post("/rooms/:room/messages", act);
  app.post("/rooms/:room/ticket", giveTicket);
  app.get("/rooms/:room/history", readHistory);
  app.get("/rooms/:room/members", readMembers);
  app.get("/rooms/:room/state", (c) =>
    readJson(c, "state", (room, _reference, reader) => room.state(reader)),
  );
  for (const path of [
    "/healthz",
    "/readyz",
    "/rooms/:room",
    "/rooms/:room/events",
    "/rooms/:room/messages",
    "/rooms/:room/ticket",
    "/rooms/:room/history",
    "/rooms/:room/members",
    "/rooms/:room/state",
  ]) {
    app.all(path, () => errorResponse({ code: "method_not_allowed" }));
  }
  app.notFound(() => errorResponse({ code: "not_found" }));
  app.onError((error, c) => {
    log("error", "request_failed", { reason: String(error), stack: error.stack });
    return refuseAloud(c.req.raw, { code: "internal" });
  });
  return app;

  /** Refuses in the requester's own transport, so that it can hear why. */
  function refuseAloud(request: Request, error: WireError): Response {
    if (isUpgrade(request)) {
      return refuseUpgrade(error, readOffer(request.headers.get("Sec-WebSocket-Protocol")).echo);
    }
    if (!readsEvents(request)) return errorResponse(error);
    return refuseEvents(error, config.server.sseRetryMs, { canRenew: !hasTokenInUrl(request) });
  }

  /** Refuses like {@link refuseAloud}, but floods and overloads of upgrades as cheaply as possible. */
  function refuse(request: Request, error: WireError): Response {
    return isUpgrade(request) && PLAIN_REFUSALS.has(error.code)
      ? errorResponse(error)
      : refuseAloud(request, error);
  }

  async function joinByWebSocket(c: Incoming): Promise<Response> {
    const { raw } = c.req;
    // Hono serves HEAD by the route of GET: a socket that nobody would hold.
    if (raw.method !== "GET") return errorResponse({ code: "method_not_allowed" });
    const { offer } = c.get("caller");
    const joiner = { dialect: offer?.dialect ?? "json", key: offer?.key, attempt: offer?.attempt } as const;
    const joined = await join(c, joiner, offer?.echo);
    return joined.ok ? joined.value.response : refuse(raw, joined.error);
  }

  async function joinByEvents(c: Incoming): Promise<Response> {
    const { raw } = c.req;
    // Hono serves HEAD by the route of GET: a stream that nobody would read.
    if (raw.method !== "GET") return errorResponse({ code: "method_not_allowed" });
    const lastEventId = lastEventIdOf(raw);
    if (lastEventId === CLOSED_ID) return errorResponse({ code: "closed_for_good" });
    const { source } = c.get("caller");
    const stream = streamLimit?.open(source, Date.now());
    if (stream?.ok === false) return refuseAloud(raw, stream.error);
    const joined = await join(c, { dialect: "bridge", lastEventId });
    if (!joined.ok) {
      stream?.value.end();
      return refuseAloud(raw, joined.error);
    }
    const abort = (reason: Error): void => c.env.execution?.abort(reason);
    const request = { signal: raw.signal, abort, place: stream?.value };
    return eventStream(Bridge.open(joined.value.socket, request, config.server));
  }

  /** Joins a caller to its room, unless the room has recently rejected it. */
  async function join(
    c: Incoming,
    joiner: Pick<Joiner, "dialect" | "key" | "attempt" | "lastEventId">,
    echo?: string,
  ): Promise<Result<Joined>> {
    const { roomRequest, address, source } = c.get("caller");
    if (!roomRequest.ok) return roomRequest;
    const { reference } = roomRequest.value;
    const now = Date.now();
    const mayNotCreate = newRooms?.mayCreate(source, reference.room, now) === false;
    const admitted = await admit(roomRequest.value, { ...joiner, address, mayNotCreate });
    if (!admitted.ok) return admitted;
    const refusal = refusalCache.refusal(reference, admitted.value, now);
    if (refusal !== undefined) return err(refusal);
    const joined = await openSocket(rooms, reference, admitted.value, {
      at: c.req.raw.cf as ClientLocation | undefined,
      subprotocol: echo,
      signal: c.req.raw.signal,
    });
    if (!joined.ok) refusalCache.note(reference.room, admitted.value, joined.error, now);
    else {
      newRooms?.found(reference.room);
      if (joined.value.isFirst) newRooms?.created(source, reference.room, now);
    }
    return joined;
  }

  async function giveTicket(c: Incoming): Promise<Response> {
    const { roomRequest } = c.get("caller");
    if (!roomRequest.ok) return errorResponse(roomRequest.error);
    const { reference, principal } = roomRequest.value;
    const { user, access } = principal;
    if (user === "")
      return errorResponse({
        code: "token_missing",
        message: "a ticket request needs a token: send Authorization: Bearer <token>",
      });
    const refusal = refusalWithout("join", new Rights(access.grants));
    if (refusal !== undefined) return errorResponse(refusal);
    const issued = await tokenChecks.tickets.issue(reference.room, user, access, Date.now());
    return issued.ok
      ? c.json(issued.value, { headers: { "Cache-Control": "no-store" } })
      : errorResponse(issued.error);
  }

  async function act(c: Incoming): Promise<Response> {
    const { raw } = c.req;
    const { roomRequest, address, source } = c.get("caller");
    if (!roomRequest.ok) return errorResponse(roomRequest.error);
    const { reference, principal } = roomRequest.value;
    const header = readSession(raw.headers.get(SESSION_HEADER));
    if (!header.ok) return errorResponse(header.error);
    const { session, key, attempt } = header.value;
    const identity = await identify(reference, principal.user, session, key);
    if (!identity.ok) return errorResponse(identity.error);
    const body = await readBody(raw, reference.kind.maxFrameBytes);
    if (!body.ok) return errorResponse(body.error);
    const name = await readRequestName(identity.value, raw.headers.get("Idempotency-Key"));
    if (!name.ok) return errorResponse(name.error);
    const request = {
      ...{ v: contractVersionOf(), session, ...identity.value, body: body.value, access: principal.access },
      ...(await sourceIn(reference.room, principal.user, address)),
      ...(name.value !== undefined && { request: name.value }),
      ...(attempt !== undefined && { attempt }),
    };
    // Without a ref an act may not happen twice, so it is for the client to repeat.
    const outcome = await callRoom(() => rooms.forCall(reference.room, reference.kind).act(request), {
      mayRepeat: false,
    });
    if (!outcome.ok) return errorResponse(outcome.error);
    newRooms?.touched(source, reference.room, outcome.value.isNew === true, Date.now());
    return answerActs(outcome.value, /^\s*\[/.test(body.value));
  }

  async function readHistory(c: Incoming): Promise<Response> {
    const range = readRange(queryOf(new URL(c.req.url)));
    if (!range.ok) return errorResponse(range.error);
    return readJson(c, "history", (room, _reference, reader) => room.history(range.value, reader));
  }

  async function readMembers(c: Incoming): Promise<Response> {
    const range = readMembersRange(queryOf(new URL(c.req.url)));
    if (!range.ok) return errorResponse(range.error);
    return readJson(c, "members", (room, _reference, reader) => room.members(range.value, reader));
  }

  /** Answers with what a room has written as JSON, to who may read it. */
  async function readJson(
    c: Incoming,
    capability: Capability,
    read: (room: Stub, reference: RoomReference, reader: Reader) => Promise<ReadOutcome | string>,
  ): Promise<Response> {
    const { roomRequest, address, source } = c.get("caller");
    if (!roomRequest.ok) return errorResponse(roomRequest.error);
    const { reference, principal } = roomRequest.value;
    const refusal =
      refusalWithout(capability, new Rights(principal.access.grants)) ??
      newRooms?.refusalOfRead(source, reference.room, Date.now());
    if (refusal !== undefined) return errorResponse(refusal);
    const reader = await sourceIn(reference.room, principal.user, address);
    const answered = await callRoom(
      () => read(rooms.forCall(reference.room, reference.kind), reference, reader),
      {
        mayRepeat: true,
      },
    );
    if (!answered.ok) return errorResponse(answered.error);
    const answer = answered.value;
    if (typeof answer === "string") return json(c, answer); // A room of older code.
    newRooms?.touched(source, reference.room, answer.isNew, Date.now());
    return answer.refused === null ? json(c, answer.text) : errorResponse(answer.refused);
  }

  function readInfo(c: Incoming): Promise<Response> {
    return readJson(c, "join", async (stub, { room, kind }) => {
      const { isNew, ...info } = await stub.info();
      const text = JSON.stringify({ room, kind: kind.name, ...info });
      // A room of older code does not report `isNew`.
      return { refused: null, text, isNew: isNew ?? info.position === null };
    });
  }
}

function json(c: Context, text: string): Response {
  return c.body(text, { headers: { "Content-Type": "application/json" } });
}

/** What is answered by a plain status, which a page cannot read: there may be very many of them. */
const PLAIN_REFUSALS: ReadonlySet<ErrorCode> = new Set(["unavailable", "rate_limited", "room_busy"]);
