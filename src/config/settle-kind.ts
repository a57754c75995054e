import {
  CAPABILITIES,
  MAX_GRANTS_CHARS,
  OPEN_GRANTS,
  grantsLength,
  isGrant,
  type Grant,
} from "../protocol/capabilities.ts";
import type { HistoryMode } from "../protocol/contract.ts";
import { contradictions } from "./contradictions.ts";
import type { AppSchemas } from "../protocol/app-schemas.ts";
import { checkCreate, checkHooks, isObject } from "./check-hooks.ts";
import { checkSchemas } from "./check-schemas.ts";
import type { KindHooks } from "./hooks.ts";
import { JURISDICTIONS, type Jurisdiction, type KindDefinition, type LocationHint } from "./kinds.ts";
import { nearestName } from "./nearest.ts";
import type { NumberOption } from "./option-types.ts";
import { OPTIONS, type KindOptionName, type KindOptions, type OptionValues } from "./options.ts";
import { shown } from "../protocol/shown.ts";
import { readNumber, type Objects } from "./values.ts";

/** A kind with every option settled. */
export interface Kind extends KindOptions {
  readonly name: string;
  readonly location: LocationHint | undefined;
  readonly jurisdiction: Jurisdiction | undefined;
  readonly history: HistoryMode;
  readonly hooks: KindHooks;
  /** Makes the hooks of one room. A kind that has it has no other hooks. */
  readonly create: KindDefinition["create"];
  /** The schemas of what members send; `undefined` if nothing is checked. */
  readonly schemas: AppSchemas | undefined;
  /** The capabilities of a client without a token; `undefined` if the kind requires a token. */
  readonly anonymous: readonly Grant[] | undefined;
}

const KIND_NAME = /^[A-Za-z0-9_.~-]{1,32}$/;

/** The fields of a kind besides its options. */
const FIELDS = ["text", "location", "jurisdiction", "history", "hooks", "create", "schemas", "anonymous"];

/** Settles a kind: its own values, otherwise those of the variables. The definition may come from untyped code. */
export function settleKind(
  name: string,
  definition: KindDefinition,
  values: OptionValues,
  objectsTo: Objects,
): Kind {
  const where = `kind "${name}"`;
  const objects = (problem: string): void => objectsTo(`${where}: ${problem}`);
  if (!KIND_NAME.test(name)) objects("the name of a kind must be 1-32 characters of A-Z a-z 0-9 _ . ~ -");
  if (!isObject(definition)) objects(`is ${shown(definition)}, must be an object; make it with defineKind`);
  const {
    text,
    location,
    jurisdiction,
    history = "durable",
    hooks = {},
    create,
    schemas,
    anonymous = false,
    ...own
  } = isObject(definition) ? definition : NOTHING;
  const oneOf = (field: string, value: unknown, words: readonly unknown[]): void => {
    if (value === undefined || words.includes(value)) return;
    objects(`${field} is ${shown(value)}, must be one of ${words.join(", ")}`);
  };
  if (text !== undefined && typeof text !== "string") objects(`text is ${shown(text)}, must be a string`);
  oneOf("location", location, OPTIONS.fallbackLocation.values);
  oneOf("jurisdiction", jurisdiction, JURISDICTIONS);
  if (location !== undefined && jurisdiction !== undefined) {
    objects("location and jurisdiction are both set; remove one of them");
  }
  oneOf("history", history, ["durable", "memory", "none"]);
  checkHooks(hooks, objects);
  checkCreate(create, hooks, objects);
  checkSchemas(schemas, objects);
  const kind: Kind = {
    ...settleOptions(own, values, objects),
    name,
    location,
    jurisdiction,
    history,
    hooks,
    create,
    schemas,
    anonymous: settleAnonymous(anonymous, objects),
  };
  for (const line of contradictions(kind)) (isInherited(kind, values) ? objectsTo : objects)(line);
  return kind;
}

function settleOptions(own: Partial<KindOptions>, values: OptionValues, objects: Objects): KindOptions {
  const options: Partial<Record<KindOptionName, number>> = {};
  for (const [name, option] of Object.entries(OPTIONS) as [KindOptionName, NumberOption][]) {
    if (option.scope !== "kind") continue;
    const raw = own[name];
    options[name] = raw === undefined ? values[name] : readNumber(option, raw, name, objects);
  }
  for (const unknown of Object.keys(own).filter((key) => !(key in options))) {
    const ofServer = Object.entries(OPTIONS).find(([name]) => name === unknown);
    const meant = nearestName(unknown, [...Object.keys(options), ...FIELDS]);
    const wayOut = ofServer
      ? `; it is a server option: set the variable ${ofServer[1].env}`
      : meant && `; did you mean ${meant}?`;
    objects(`${unknown} is not an option of a kind${wayOut ?? ""}`);
  }
  return options as KindOptions;
}

function settleAnonymous(anonymous: unknown, objects: Objects): readonly Grant[] | undefined {
  if (typeof anonymous === "boolean") return anonymous ? OPEN_GRANTS : undefined;
  if (!Array.isArray(anonymous)) {
    objects(`anonymous is ${shown(anonymous)}, must be true, false or a list of capabilities`);
    return undefined;
  }
  const unknown: unknown = anonymous.find((grant) => typeof grant !== "string" || !isGrant(grant));
  if (unknown !== undefined)
    objects(
      `anonymous names ${shown(unknown)}, which is not a capability; the capabilities are ${Object.keys(CAPABILITIES).join(", ")} and publish:<event>`,
    );
  const grants = (anonymous as unknown[]).filter((grant) => typeof grant === "string" && isGrant(grant));
  const chars = grantsLength(grants as Grant[]);
  if (chars > MAX_GRANTS_CHARS)
    objects(
      `anonymous has ${chars} characters, the limit is ${MAX_GRANTS_CHARS}; use publish:<prefix>* instead of single events`,
    );
  return grants as readonly Grant[];
}

/** Used in place of an invalid definition. */
const NOTHING: Partial<KindDefinition> = {};

/** A contradiction between variables would repeat for each kind, so it is reported once, without a kind's name. */
function isInherited(kind: Kind, values: OptionValues): boolean {
  return (Object.keys(OPTIONS) as (keyof OptionValues)[]).every(
    (name) => OPTIONS[name].scope !== "kind" || kind[name as KindOptionName] === values[name],
  );
}
