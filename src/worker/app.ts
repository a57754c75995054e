import { Hono, type Context as HonoContext } from "hono";
import { cors } from "hono/cors";
import { getPath } from "hono/utils/url";

import type { Config } from "../config/config.ts";
import { log } from "../metrics/log.ts";
import { Rights, refusalWithout, type Capability } from "../protocol/capabilities.ts";
import { contractVersionOf } from "../protocol/contract.ts";
import type { ErrorCode, WireError } from "../protocol/errors.ts";
import { err, ok, type Result } from "../protocol/result.ts";
import { PROTOCOL_VERSION } from "../protocol/version.ts";
import { Bridge } from "../transports/bridge.ts";
import { CLOSED_ID, eventStream, lastEventIdOf, readsEvents, refuseEvents } from "../transports/sse.ts";
import { SESSION_HEADER, answerActs, errorResponse, readBody, readSession } from "../transports/upstream.ts";
import { isUpgrade, readOffer, refuseUpgrade, type Offer } from "../transports/websocket.ts";
import { AddressLimit, UNKNOWN_ADDRESS, addressOf } from "./address-limit.ts";
import {
  admit,
  identify,
  readMembersRange,
  readPlace,
  readRange,
  readRequestName,
  sourceIn,
  type Joiner,
  type Place,
} from "./admission.ts";
import type { Carried, Env } from "./env.ts";
import { Gate, papersOf, type Checks, type Visitor } from "./gate.ts";
import { openSocket, type Joined } from "./joins.ts";
import type { ClientPlace } from "./location.ts";
import { NewRooms } from "./new-rooms.ts";
import { Origins } from "./origins.ts";
import { queryOf, readUrl, withoutSpareSlashes } from "./paths.ts";
import { Rooms, callRoom, type Stub } from "./rooms.ts";
import { Streams } from "./streams.ts";
import { TurnedAway } from "./turned-away.ts";
import { within } from "./within.ts";

/** How long a probe waits for an object, in milliseconds. */
const READY_TIMEOUT_MS = 5_000;

type Context = HonoContext<Carried>;

/** Makes the Worker's routes: what each address of a room does with a request. */
export function createApp(config: Config, env: Env, checks: Checks): Hono<Carried> {
  const gate = new Gate(checks);
  const origins = new Origins(config.server.allowedOrigins);
  const rooms = new Rooms(env.ROOM, config.server.fallbackLocation);
  const isLimited = config.server.addressLimits === "on";
  const limits = {
    joins: isLimited ? new AddressLimit("joinsPerAddress", env.JOINS_PER_ADDRESS) : undefined,
    requests: isLimited ? new AddressLimit("requestsPerAddress", env.REQUESTS_PER_ADDRESS) : undefined,
  };
  const newRooms = isLimited ? new NewRooms(config.server.newRoomsPerDay) : undefined;
  const { sseStreamsPerSource, sseHeartbeatMs } = config.server;
  const streams = isLimited ? new Streams(sseStreamsPerSource, sseHeartbeatMs) : undefined;
  const turnedAway = new TurnedAway();
  const app = new Hono<Carried>({ getPath: (request) => withoutSpareSlashes(getPath(request)) });

  // An upgrade's answer has headers that cannot be changed: it is passed through as the room gave it. A preflight allows
  // whatever headers it asks for: tracing agents add some to every request of a page.
  const crossOrigin = cors({
    origin: (origin) => origins.shared(origin),
    allowMethods: ["GET", "POST"],
    exposeHeaders: ["Retry-After"],
    maxAge: 86_400,
  });
  app.use((c, next) => (isUpgrade(c.req.raw) ? next() : crossOrigin(c, next)));

  app.get("/healthz", (c) => c.json({ status: "ok", protocol: PROTOCOL_VERSION }));
  app.get("/readyz", async (c) => {
    const answered = await callRoom(() => within(READY_TIMEOUT_MS, rooms.probe().ready()), {
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
  app.get("/rooms/:room/state", (c) => readJson(c, "state", (room) => room.state()));
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
    return readsEvents(request) ? refuseEvents(error, config.server.sseRetryMs) : errorResponse(error);
  }

  /** What every request to a room must pass before the room is touched. Who comes too often is told so, whatever else. */
  async function visit(
    request: Request,
    purpose: "joins" | "requests",
    offer?: Offer,
  ): Promise<Result<Visit>> {
    const address = addressOf(request);
    const checked = await check(request, purpose === "joins", address, offer);
    const source = checked.ok ? checked.value.source : (address ?? UNKNOWN_ADDRESS);
    const crowded = await limits[purpose]?.refusal(source);
    return crowded === undefined ? checked : err(crowded);
  }

  async function check(
    request: Request,
    mayShowTicket: boolean,
    address: string | undefined,
    offer?: Offer,
  ): Promise<Result<Visit>> {
    if (config.server.paused === "on") return err({ code: "unavailable", message: "the server is paused" });
    if (offer?.isSpoken === false) return err({ code: "version" });
    if (!origins.allows(request.headers.get("Origin"))) return err({ code: "origin_not_allowed" });
    const url = readUrl(request);
    if (!url.ok) return url;
    const place = readPlace(url.value, config);
    if (!place.ok) return place;
    const query = queryOf(url.value);
    const papers = papersOf(request, offer?.token, query);
    // Only a room knows whose a ticket is, and it looks when one joins.
    const visitor = await gate.pass(place.value, mayShowTicket ? papers : { ...papers, ticket: undefined });
    if (!visitor.ok) return visitor;
    const { user } = visitor.value;
    const source = user === "" ? (address ?? UNKNOWN_ADDRESS) : `@${user}`;
    return ok({ query, place: place.value, visitor: visitor.value, address, source });
  }

  async function joinByWebSocket(c: Context): Promise<Response> {
    const { raw } = c.req;
    // Hono serves HEAD by the route of GET: a socket that nobody would hold.
    if (raw.method !== "GET") return errorResponse({ code: "method_not_allowed" });
    const offer = readOffer(raw.headers.get("Sec-WebSocket-Protocol"));
    // A flood or an overload is answered as cheaply as can be.
    const refuse = (error: WireError): Response =>
      PLAIN_REFUSALS.has(error.code) ? errorResponse(error) : refuseAloud(raw, error);
    const visited = await visit(raw, "joins", offer);
    const joined = visited.ok ? await join(raw, visited.value, offer) : visited;
    return joined.ok ? joined.value.response : refuse(joined.error);
  }

  async function joinByEvents(c: Context): Promise<Response> {
    const { raw } = c.req;
    // Hono serves HEAD by the route of GET: a stream that nobody would read.
    if (raw.method !== "GET") return errorResponse({ code: "method_not_allowed" });
    const lastEventId = lastEventIdOf(raw);
    if (lastEventId === CLOSED_ID) return errorResponse({ code: "closed_for_good" });
    const visited = await visit(raw, "joins");
    if (!visited.ok) return refuseAloud(raw, visited.error);
    const stream = streams?.open(visited.value.source, Date.now());
    if (stream?.ok === false) return refuseAloud(raw, stream.error);
    const joined = await join(raw, visited.value, { dialect: "bridge", lastEventId });
    if (!joined.ok) {
      stream?.value.end();
      return refuseAloud(raw, joined.error);
    }
    const abort = (reason: Error): void => c.env.execution?.abort(reason);
    const request = { signal: raw.signal, abort, place: stream?.value };
    return eventStream(Bridge.open(joined.value.socket, request, config.server));
  }

  /** Brings a visitor to its room, unless the room has lately said that it may not come in. */
  async function join(
    raw: Request,
    visited: Visit,
    {
      echo,
      ...joiner
    }: Pick<Joiner, "dialect" | "key" | "lastEventId"> & { readonly echo?: string | undefined },
  ): Promise<Result<Joined>> {
    const { place, address, source } = visited;
    const now = Date.now();
    const mayNotCreate = newRooms?.mayCreate(source, now) === false;
    const admitted = await admit(visited, { ...joiner, address, mayNotCreate });
    if (!admitted.ok) return admitted;
    const refusal = turnedAway.refusal(place, admitted.value, now);
    if (refusal !== undefined) return err(refusal);
    const joined = await openSocket(rooms, place, admitted.value, {
      at: raw.cf as ClientPlace | undefined,
      subprotocol: echo,
      signal: raw.signal,
    });
    if (!joined.ok) turnedAway.note(place.room, admitted.value, joined.error, now);
    else if (joined.value.isFirst) newRooms?.created(source, now);
    return joined;
  }

  async function giveTicket(c: Context): Promise<Response> {
    const visited = await visit(c.req.raw, "requests");
    if (!visited.ok) return errorResponse(visited.error);
    const { place, visitor } = visited.value;
    const { user, access } = visitor;
    if (user === "") return errorResponse({ code: "token_missing", message: "a ticket is had for a token" });
    const refusal = refusalWithout("join", new Rights(access.grants));
    if (refusal !== undefined) return errorResponse(refusal);
    const issued = await checks.tickets.issue(place.room, user, access, Date.now());
    return issued.ok
      ? c.json(issued.value, { headers: { "Cache-Control": "no-store" } })
      : errorResponse(issued.error);
  }

  async function act(c: Context): Promise<Response> {
    const { raw } = c.req;
    const visited = await visit(raw, "requests");
    if (!visited.ok) return errorResponse(visited.error);
    const { place, visitor, address } = visited.value;
    const header = readSession(raw.headers.get(SESSION_HEADER));
    if (!header.ok) return errorResponse(header.error);
    const { session, key } = header.value;
    const identity = await identify(place, visitor.user, session, key);
    if (!identity.ok) return errorResponse(identity.error);
    const body = await readBody(raw, place.kind.maxFrameBytes);
    if (!body.ok) return errorResponse(body.error);
    const name = await readRequestName(identity.value, raw.headers.get("Idempotency-Key"));
    if (!name.ok) return errorResponse(name.error);
    const request = {
      ...{ v: contractVersionOf(), session, ...identity.value, body: body.value, access: visitor.access },
      ...(await sourceIn(place.room, visitor.user, address)),
      ...(name.value !== undefined && { request: name.value }),
    };
    // Without a ref an act may not happen twice, so it is for the client to repeat.
    const outcome = await callRoom(() => rooms.forCall(place.room, place.kind).act(request), {
      mayRepeat: false,
    });
    return outcome.ok ? answerActs(outcome.value, /^\s*\[/.test(body.value)) : errorResponse(outcome.error);
  }

  async function readHistory(c: Context): Promise<Response> {
    const range = readRange(queryOf(new URL(c.req.url)));
    if (!range.ok) return errorResponse(range.error);
    return readJson(c, "history", (room) => room.history(range.value));
  }

  async function readMembers(c: Context): Promise<Response> {
    const range = readMembersRange(queryOf(new URL(c.req.url)));
    if (!range.ok) return errorResponse(range.error);
    return readJson(c, "members", (room) => room.members(range.value));
  }

  /** Answers with what a room has written as JSON, to who may read it. */
  async function readJson(
    c: Context,
    capability: Capability,
    read: (room: Stub, place: Place) => Promise<string>,
  ): Promise<Response> {
    const visited = await visit(c.req.raw, "requests");
    if (!visited.ok) return errorResponse(visited.error);
    const { place, visitor } = visited.value;
    const refusal = refusalWithout(capability, new Rights(visitor.access.grants));
    if (refusal !== undefined) return errorResponse(refusal);
    const text = await callRoom(() => read(rooms.forCall(place.room, place.kind), place), {
      mayRepeat: true,
    });
    if (!text.ok) return errorResponse(text.error);
    return c.body(text.value, { headers: { "Content-Type": "application/json" } });
  }

  function readInfo(c: Context): Promise<Response> {
    return readJson(c, "join", async (stub, { room, kind }) =>
      JSON.stringify({ room, kind: kind.name, ...(await stub.info()) }),
    );
  }
}

/** What is answered by a plain status, which a page cannot read: there may be very many of them. */
const PLAIN_REFUSALS: ReadonlySet<ErrorCode> = new Set(["unavailable", "rate_limited", "room_busy"]);

/** A request to a room that has passed the gate. */
interface Visit {
  readonly query: URLSearchParams;
  readonly place: Place;
  readonly visitor: Visitor;
  /** Absent where the runtime does not tell it. */
  readonly address: string | undefined;
  /** Who answers for it: its verified user or, without one, its address. */
  readonly source: string;
}
