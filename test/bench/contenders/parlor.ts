import { OPTIONS } from "../../../src/config/options.ts";
import type { ServerFrame } from "../../../src/protocol/frames.ts";
import { decodeServerFrames } from "../../../src/protocol/proto/server-decode.ts";
import { PROTO_SUBPROTOCOL } from "../../../src/protocol/version.ts";
import { startBareRuntime } from "../../support/bare-runtime.ts";
import type { Contender } from "./contender.ts";
import type { Dialect } from "./dialect.ts";

/** Every budget with its maximum. */
const BUDGETS = Object.entries(OPTIONS).flatMap(([name, option]) =>
  /Per(Second|Day)$|Burst$/.test(name) && "max" in option ? [option] : [],
);

/** The variables that leave every budget at its default. */
export const DEFAULT_BUDGETS: Readonly<Record<string, string>> = Object.fromEntries(
  BUDGETS.map(({ env, default: value }) => [env, String(value)]),
);

/** Lifts the limits, because a load that is rejected measures nothing. */
export const NO_LIMITS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(BUDGETS.map(({ env, max }) => [env, String(max)])),
  LOG_LEVEL: "error",
  ADDRESS_LIMITS: "off",
  MAX_MEMBERS: String(OPTIONS.maxMembers.max),
  MAX_MEMBERS_PER_SOURCE: String(OPTIONS.maxMembersPerSource.max),
};

const start: Contender["start"] = ({ runner, vars }) =>
  startBareRuntime({ runner, vars: { ...NO_LIMITS, ...vars } });

/** Members use flow control like those of the SDK, because it is part of the cost of a room. */
const common = {
  path: (room, { key, place }) => {
    const after = place === undefined ? "" : `&after=${encodeURIComponent(place)}`;
    return `/rooms/${room}?key=${key}&flow=1${after}`;
  },
  isWelcome: (text) => text.includes('"type":"welcome"'),
  isRefusal: (text) => text.includes('"type":"error"'),
  seen: (chars) => `{"type":"seen","chars":${chars}}`,
} satisfies Partial<Dialect>;

const recorded: Dialect = {
  ...common,
  publish: (json, ref) => `{"type":"publish","ref":${ref},"event":"m","data":${json}}`,
  learn: (who, text) => {
    const position = /.*"position":"([^"]+)"/s.exec(text)?.[1];
    if (position !== undefined) who.place = position;
    const offset = /.*"type":"message","offset":(\d+)/s.exec(text)?.[1];
    if (offset !== undefined) who.place = who.place?.replace(/\d+$/, offset) ?? "";
  },
};

const volatile: Dialect = {
  ...common,
  publish: (json) => `{"type":"publish","volatile":true,"event":"m","data":${json}}`,
};

/** Parlor with recorded messages, each stored and acked. */
export const parlor: Contender = {
  name: "parlor",
  about: "Parlor: every message is ordered, stored and acked before it is delivered",
  dialect: recorded,
  start,
};

/** Parlor with volatile messages, each delivered at most once. */
export const parlorVolatile: Contender = {
  name: "parlor-volatile",
  about: "Parlor: volatile messages, which are not stored",
  isLossy: true,
  dialect: volatile,
  start,
};

/** Parlor's binary dialect. Members still publish text, which is allowed, because the scenarios measure deliveries. */
const binary: Dialect = {
  ...volatile,
  subprotocol: PROTO_SUBPROTOCOL,
  isWelcome: (text) => holds(text, "welcome"),
  isRefusal: (text) => holds(text, "error"),
};

/** Parlor with volatile messages in the binary dialect. */
export const parlorProto: Contender = {
  name: "parlor-proto",
  about: "Parlor: volatile messages, delivered in the binary dialect",
  isLossy: true,
  dialect: binary,
  start,
};

function holds(latin1: string, type: ServerFrame["type"]): boolean {
  return decodeServerFrames(Buffer.from(latin1, "latin1")).some((frame) => frame.type === type);
}
