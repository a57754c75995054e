import * as v from "valibot";

import { OPEN_GRANTS, isGrant, type Grant } from "../protocol/capabilities.ts";
import { DEFAULT_KIND, kindOf } from "../protocol/room-names.ts";
import type { HistoryMode } from "../protocol/contract.ts";
import type { KindHooks } from "./hooks.ts";
import {
  JURISDICTIONS,
  type Jurisdiction,
  type KindDefinition,
  type Kinds,
  type LocationHint,
} from "./kinds.ts";
import {
  OPTIONS,
  type ChoiceOption,
  type KindOptionName,
  type KindOptions,
  type NumberOption,
  type OptionValues,
  type ServerOptions,
  type TextOption,
} from "./options.ts";

/** A kind with every option settled. */
export interface Kind extends KindOptions {
  readonly name: string;
  readonly location: LocationHint | undefined;
  readonly jurisdiction: Jurisdiction | undefined;
  readonly history: HistoryMode;
  readonly hooks: KindHooks;
  /** What who has no token may do; `undefined` where a token is needed. */
  readonly anonymous: readonly Grant[] | undefined;
}

/** The configuration of a server: one value per option, one {@link Kind} per kind. */
export interface Config {
  readonly server: ServerOptions;
  readonly kinds: ReadonlyMap<string, Kind>;
}

/** Variables by name, as a Worker's `env` has them; other bindings among them are passed over. */
export type Variables = Readonly<Record<string, unknown>>;

/** A configuration that cannot be served. Its message names every problem, a line each. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
    super(
      `Parlor does not start: its configuration has ${count}.\n${problems.map((line) => `  - ${line}`).join("\n")}`,
    );
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/**
 * Settles every option: a kind's own value, else the variable, else the default.
 *
 * @throws ConfigError naming every problem at once
 */
export function readConfig(variables: Variables, kinds: Kinds): Config {
  const problems: string[] = [];
  const entries = Object.entries(OPTIONS).map(([name, option]: [string, Option]) => {
    const raw = variables[option.env];
    if (raw === undefined || raw === "") return [name, option.default] as const;
    return [name, check(fromText(option), raw, option.env, option, problems)] as const;
  });
  const values = Object.fromEntries(entries) as unknown as OptionValues;
  const settled = new Map<string, Kind>();
  for (const [name, definition] of Object.entries(kinds)) {
    settled.set(name, settleKind(name, definition, values, problems));
  }
  if (!settled.has(DEFAULT_KIND)) problems.push(`kinds: "${DEFAULT_KIND}" is missing`);
  if (problems.length > 0) throw new ConfigError([...new Set(problems)]);
  return { server: values, kinds: settled };
}

/** The kind a room is of. A newer Worker may let names in whose kind this one does not know. */
export function kindOfRoom(config: Config, name: string | undefined): Kind {
  const kind = config.kinds.get(kindOf(name ?? "")) ?? config.kinds.get("default");
  if (kind === undefined) throw new Error("the configuration has no default kind");
  return kind;
}

const KIND_NAME = /^[A-Za-z0-9_.~-]{1,32}$/;

function settleKind(
  name: string,
  definition: KindDefinition,
  values: OptionValues,
  problems: string[],
): Kind {
  const where = `kind "${name}"`;
  if (!KIND_NAME.test(name))
    problems.push(`${where}: a kind's name is 1-32 characters of A-Z a-z 0-9 _ . ~ -`);
  const {
    text: _text,
    location,
    jurisdiction,
    history = "durable",
    hooks = {},
    anonymous = false,
    ...own
  } = definition;
  const oneOf = (field: string, value: string | undefined, words: readonly string[]): void => {
    if (value === undefined || words.includes(value)) return;
    problems.push(`${where}: ${field} is ${JSON.stringify(value)}, must be one of ${words.join(", ")}`);
  };
  oneOf("location", location, OPTIONS.fallbackLocation.values);
  oneOf("jurisdiction", jurisdiction, JURISDICTIONS);
  if (location !== undefined && jurisdiction !== undefined) {
    problems.push(`${where}: location and jurisdiction cannot both be set`);
  }
  oneOf("history", history, ["durable", "memory", "none"]);
  const options: Partial<Record<KindOptionName, number>> = {};
  for (const [optionName, option] of Object.entries(OPTIONS) as [KindOptionName, NumberOption][]) {
    if (option.scope !== "kind") continue;
    const raw = own[optionName];
    options[optionName] =
      raw === undefined
        ? values[optionName]
        : check(fromNumber(option), raw, `${where}: ${optionName}`, option, problems);
  }
  for (const unknown of Object.keys(own).filter((key) => !(key in options))) {
    problems.push(`${where}: ${unknown} is not an option of a kind`);
  }
  const kind: Kind = {
    ...(options as KindOptions),
    name,
    location,
    jurisdiction,
    history,
    hooks,
    anonymous: settleAnonymous(where, anonymous, problems),
  };
  problems.push(
    ...contradictions(kind).map((line) => (isInherited(kind, values) ? line : `${where}: ${line}`)),
  );
  return kind;
}

function settleAnonymous(
  where: string,
  anonymous: boolean | readonly string[],
  problems: string[],
): readonly Grant[] | undefined {
  if (typeof anonymous === "boolean") return anonymous ? OPEN_GRANTS : undefined;
  const grants = anonymous.filter(isGrant);
  if (grants.length < anonymous.length) problems.push(`${where}: anonymous names what is no capability`);
  return grants;
}

/** A contradiction among the variables would repeat for each kind; said once, without a kind's name. */
function isInherited(kind: Kind, values: OptionValues): boolean {
  return (Object.keys(OPTIONS) as (keyof OptionValues)[]).every(
    (name) => OPTIONS[name].scope !== "kind" || kind[name as KindOptionName] === values[name],
  );
}

/** Budgets that are full again within ten seconds, so that a room that slept has nothing to remember. */
const BUCKETS = [
  ["messagesBurst", "messagesPerSecond"],
  ["bytesBurst", "bytesPerSecond"],
  ["userMessagesBurst", "userMessagesPerSecond"],
  ["roomMessagesBurst", "roomMessagesPerSecond"],
  ["roomBytesBurst", "roomBytesPerSecond"],
  ["readCharsBurst", "readCharsPerSecond"],
  ["roomReadCharsBurst", "roomReadCharsPerSecond"],
  ["joinsBurst", "joinsPerSecond"],
] as const;

/** What a welcome may list. A room has 128 MB in all, and many may be welcomed at once. */
const MAX_LIST_BYTES = 4_194_304;

function contradictions(kind: KindOptions): string[] {
  const found: string[] = [];
  for (const [burst, rate] of BUCKETS) {
    if (kind[burst] <= 10 * kind[rate]) continue;
    found.push(`${burst} (${kind[burst]}) is more than ten times ${rate} (${kind[rate]})`);
  }
  for (const burst of ["bytesBurst", "roomBytesBurst"] as const) {
    if (kind[burst] >= kind.maxFrameBytes) continue;
    found.push(`${burst} (${kind[burst]}) is less than maxFrameBytes (${kind.maxFrameBytes})`);
  }
  if (kind.presenceListMax * kind.maxPresenceBytes > MAX_LIST_BYTES) {
    found.push(
      `presenceListMax (${kind.presenceListMax}) times maxPresenceBytes (${kind.maxPresenceBytes}) is more than ${MAX_LIST_BYTES} bytes`,
    );
  }
  if (kind.pingIntervalMs * 2 > kind.silenceTimeoutMs) {
    found.push(
      `pingIntervalMs (${kind.pingIntervalMs}) is more than half of silenceTimeoutMs (${kind.silenceTimeoutMs})`,
    );
  }
  return found;
}

type Option = NumberOption | ChoiceOption | TextOption;

type ValueSchema = v.GenericSchema<unknown, number | string>;

function fromText(option: Option): ValueSchema {
  if ("values" in option) return v.pipe(v.string(), v.picklist(option.values));
  if (!("min" in option)) return v.string();
  return v.pipe(
    v.union([v.pipe(v.string(), v.regex(/^\d+$/), v.transform(Number)), v.number()]),
    fromNumber(option),
  );
}

function fromNumber(option: NumberOption): v.GenericSchema<number, number> {
  return v.pipe(v.number(), v.integer(), v.minValue(option.min), v.maxValue(option.max));
}

function check<Value extends number | string>(
  schema: v.GenericSchema<never, Value> | v.GenericSchema<unknown, Value> | v.GenericSchema<number, Value>,
  raw: unknown,
  where: string,
  option: Option,
  problems: string[],
): Value {
  const parsed = v.safeParse(schema, raw);
  if (parsed.success) return parsed.output;
  const allowed =
    "values" in option
      ? `one of ${option.values.join(", ")}`
      : !("min" in option)
        ? "a text"
        : `a whole number from ${option.min} to ${option.max} (${option.unit})`;
  problems.push(`${where} is ${JSON.stringify(raw)}, must be ${allowed}`);
  return option.default as Value;
}
