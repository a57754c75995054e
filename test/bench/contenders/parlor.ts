import { OPTIONS } from "../../../src/config/options.ts";
import type { ServerFrame } from "../../../src/protocol/frames.ts";
import { decodeServerFrames } from "../../../src/protocol/proto/server-decode.ts";
import { PROTO_SUBPROTOCOL } from "../../../src/protocol/version.ts";
import { startBareRuntime } from "../../support/bare-runtime.ts";
import type { Contender } from "./contender.ts";
import type { Dialect } from "./dialect.ts";

/** Every budget there is, with the most that it may be. */
const BUDGETS = Object.entries(OPTIONS).flatMap(([name, option]) =>
  /Per(Second|Day)$|Burst$/.test(name) && "max" in option ? [option] : [],
);

/** The variables that leave every budget at its default. */
export const DEFAULT_BUDGETS: Readonly<Record<string, string>> = Object.fromEntries(
  BUDGETS.map(({ env, default: value }) => [env, String(value)]),
);

/** Limits out of the way: a load that is refused measures nothing. */
export const NO_LIMITS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(BUDGETS.map(({ env, max }) => [env, String(max)])),
  LOG_LEVEL: "error",
  ADDRESS_LIMITS: "off",
  MAX_MEMBERS: String(OPTIONS.maxMembers.max),
  MAX_MEMBERS_PER_SOURCE: String(OPTIONS.maxMembersPerSource.max),
};

const start: Contender["start"] = ({ runner, vars }) =>
  startBareRuntime({ runner, vars: { ...NO_LIMITS, ...vars } });

/** Members promise to say what they read, and do, as the SDK's do: it is a part of what a room costs. */
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

/** Parlor, each message stored and acked. */
export const parlor: Contender = {
  name: "parlor",
  about: "Parlor: every message ordered, stored and acked before anyone sees it",
  dialect: recorded,
  start,
};

/** Parlor, each message sent at most once. */
export const parlorVolatile: Contender = {
  name: "parlor-volatile",
  about: "Parlor: volatile messages, stored nowhere",
  isLossy: true,
  dialect: volatile,
  start,
};

/** Parlor's binary dialect. What is published is text still, as it may be: the scenarios are about what is delivered. */
const binary: Dialect = {
  ...volatile,
  subprotocol: PROTO_SUBPROTOCOL,
  isWelcome: (text) => holds(text, "welcome"),
  isRefusal: (text) => holds(text, "error"),
};

/** Parlor, volatile messages in the binary dialect. */
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
