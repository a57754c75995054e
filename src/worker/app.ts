import { Hono, type Context } from "hono";
import { cors } from "hono/cors";

import type { Config } from "../config/config.ts";
import { log } from "../metrics/log.ts";
import { CONTRACT_VERSION } from "../protocol/contract.ts";
import type { WireError } from "../protocol/errors.ts";
import { PROTOCOL_VERSION } from "../protocol/version.ts";
import { Bridge } from "../transports/bridge.ts";
import { CLOSED_ID, eventStream, readsEvents, refuseEvents } from "../transports/sse.ts";
import { SESSION_HEADER, answerActs, errorResponse, readBody, readSession } from "../transports/upstream.ts";
import { isUpgrade, readOffer, refuseUpgrade } from "../transports/websocket.ts";
import { AddressLimit, addressOf } from "./address-limit.ts";
import { admit, identify, readPlace, readRange } from "./admission.ts";
import type { Env } from "./env.ts";
import { openSocket } from "./joins.ts";
import type { ClientPlace } from "./location.ts";
import { Rooms, callRoom } from "./rooms.ts";

/** How long a probe waits for an object, in milliseconds. */
const READY_TIMEOUT_MS = 5_000;

/** Makes the Worker's routes: what each address of a room does with a request. */
export function createApp(config: Config, env: Env): Hono {
  const rooms = new Rooms(env.ROOM, config.server.fallbackLocation);
  const addressLimit =
    config.server.addressLimits === "on" ? new AddressLimit(env.JOINS_PER_ADDRESS) : undefined;
  const app = new Hono();

  // An upgrade's answer has headers that cannot be changed: it is passed through as the room gave it.
  const crossOrigin = cors({
    origin: "*",
    allowMethods: ["GET", "POST"],
    allowHeaders: ["Content-Type", "Last-Event-ID", SESSION_HEADER],
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
  app.get("/rooms/:room/history", readHistory);
  for (const path of [
    "/healthz",
    "/readyz",
    "/rooms/:room",
    "/rooms/:room/events",
    "/rooms/:room/messages",
    "/rooms/:room/history",
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

  async function joinByWebSocket(c: Context): Promise<Response> {
    const { raw } = c.req;
    const offer = readOffer(raw.headers.get("Sec-WebSocket-Protocol"));
    const refuse = (error: WireError): Response => refuseAloud(raw, error);
    const crowded = await addressLimit?.refusal(addressOf(raw));
    if (crowded !== undefined) return errorResponse(crowded);
    if (!offer.isSpoken) return refuse({ code: "version" });
    const url = new URL(raw.url);
    const place = readPlace(url, config);
    if (!place.ok) return refuse(place.error);
    const join = await admit(place.value, url.searchParams, { dialect: "json", key: offer.key });
    if (!join.ok) return refuse(join.error);
    const joined = await openSocket(rooms, place.value, join.value, placeOf(raw), offer.echo);
    if (joined.ok) return joined.value.response;
    // A flood or an overload is answered as cheaply as can be.
    return joined.error.code === "unavailable" ? errorResponse(joined.error) : refuse(joined.error);
  }

  async function joinByEvents(c: Context): Promise<Response> {
    const { raw } = c.req;
    // Hono serves HEAD by the route of GET: a stream that nobody would read.
    if (raw.method !== "GET") return errorResponse({ code: "method_not_allowed" });
    const refuse = (error: WireError): Response => refuseAloud(raw, error);
    const lastEventId = raw.headers.get("Last-Event-ID") ?? undefined;
    if (lastEventId === CLOSED_ID) return errorResponse({ code: "closed_for_good" });
    const crowded = await addressLimit?.refusal(addressOf(raw));
    if (crowded !== undefined) return refuse(crowded);
    const url = new URL(raw.url);
    const place = readPlace(url, config);
    if (!place.ok) return refuse(place.error);
    const join = await admit(place.value, url.searchParams, { dialect: "bridge", lastEventId });
    if (!join.ok) return refuse(join.error);
    const joined = await openSocket(rooms, place.value, join.value, placeOf(raw));
    if (!joined.ok) return refuse(joined.error);
    return eventStream(Bridge.open(joined.value.socket, raw.signal, config.server));
  }

  async function act(c: Context): Promise<Response> {
    const { raw } = c.req;
    const place = readPlace(new URL(raw.url), config);
    if (!place.ok) return errorResponse(place.error);
    const header = readSession(raw.headers.get(SESSION_HEADER));
    if (!header.ok) return errorResponse(header.error);
    const { session, key } = header.value;
    const identity = await identify(place.value, session, key);
    if (!identity.ok) return errorResponse(identity.error);
    const body = await readBody(raw, place.value.kind.maxFrameBytes);
    if (!body.ok) return errorResponse(body.error);
    const request = { v: CONTRACT_VERSION, session, ...identity.value, body: body.value };
    // Without a ref an act may not happen twice, so it is for the client to repeat.
    const outcome = await callRoom(() => rooms.forCall(place.value.room, place.value.kind).act(request), {
      mayRepeat: false,
    });
    return outcome.ok ? answerActs(outcome.value, /^\s*\[/.test(body.value)) : errorResponse(outcome.error);
  }

  async function readHistory(c: Context): Promise<Response> {
    const url = new URL(c.req.url);
    const place = readPlace(url, config);
    if (!place.ok) return errorResponse(place.error);
    const range = readRange(url.searchParams);
    if (!range.ok) return errorResponse(range.error);
    const { room, kind } = place.value;
    const page = await callRoom(() => rooms.forCall(room, kind).history(range.value), { mayRepeat: true });
    if (!page.ok) return errorResponse(page.error);
    return c.body(page.value, { headers: { "Content-Type": "application/json" } });
  }

  async function readInfo(c: Context): Promise<Response> {
    const place = readPlace(new URL(c.req.url), config);
    if (!place.ok) return errorResponse(place.error);
    const { room, kind } = place.value;
    const info = await callRoom(() => rooms.forCall(room, kind).info(), { mayRepeat: true });
    return info.ok ? c.json({ room, kind: kind.name, ...info.value }) : errorResponse(info.error);
  }
}

function placeOf(request: Request): ClientPlace | undefined {
  return request.cf as ClientPlace | undefined;
}

/** Waits for a call, but not for ever. */
async function within<Value>(timeoutMs: number, call: Promise<Value>): Promise<Value> {
  const expiry = Promise.withResolvers<never>();
  const timer = setTimeout(() => expiry.reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([call, expiry.promise]);
  } finally {
    clearTimeout(timer);
  }
}
