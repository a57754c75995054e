import type { AppTypes } from "./app-types.ts";
import { isJsonObject } from "./json.ts";
import { REQUEST } from "./requests.ts";
import { shown } from "./shown.ts";
import type { InputOf, StandardSchema } from "./standard-schema.ts";

/** Schemas by name. A name that ends in `*` is for all names with this beginning that have no schema of their own. */
type Schemas = Readonly<Record<string, StandardSchema>>;

/**
 * The schemas of what an application sends. Every part may be left out, and is then not checked. In a part that is present, only
 * the names with a schema are accepted. Schemas describe data as it is sent: JSON, or a `Uint8Array` for raw bytes. They check
 * data, and do not change it: defaults and conversions have no effect.
 */
export interface AppSchemas {
  /** The schemas of messages, by event. */
  readonly events?: Schemas | undefined;
  /** The schemas of the values of the shared state, by key. */
  readonly state?: Schemas | undefined;
  /** The schema of a member's presence data. */
  readonly presence?: StandardSchema | undefined;
  /** The schemas of requests between members and of their replies, by event. */
  readonly requests?: Readonly<Record<string, RequestSchemas>> | undefined;
}

/** The schemas of a request and of the reply to it. */
interface RequestSchemas {
  readonly data: StandardSchema;
  readonly reply: StandardSchema;
}

/** The names that a schema is for: `hand:*` is for the names of the type `hand:${string}`. */
type NamesOf<Name> = Name extends `${infer Beginning}*` ? `${Beginning}${string}` : Name;

/** The types of the data that schemas accept, by name. */
type Inputs<ByName> = { [Name in keyof ByName as NamesOf<Name>]: InputOf<ByName[Name]> };

/** The types of one part of an application's schemas. */
type TypesOf<Part, Of> = Part extends "presence"
  ? InputOf<Of>
  : Part extends "requests"
    ? { [Name in keyof Of]: Inputs<Of[Name]> }
    : Inputs<Of>;

/**
 * The types of an application, from its schemas. They are the types of the data that the schemas accept.
 *
 * @example
 * type App = AppOf<typeof app>;
 */
export type AppOf<Of extends AppSchemas> = {
  [Part in keyof Of]: TypesOf<Part, Of[Part]>;
} extends infer App extends AppTypes
  ? App
  : never;

/**
 * Declares the schemas of an application, for both sides: `defineKind({ schemas: app })` in the server and `joinApp(app, url)` in
 * the client.
 */
export function defineApp<const Of extends AppSchemas>(app: Of): Of {
  return app;
}

/** What is wrong with a message; `undefined` if nothing is. */
export function messageProblem(app: AppSchemas, event: string, data: unknown): string | undefined {
  return app.events && namedProblem("event", app.events, event, data);
}

/**
 * What is wrong with the message of a request between members (rule R1), or of a reply (R2). A reply does not name its event, so
 * only the member that receives it can check it.
 */
export function requestMessageProblem(app: AppSchemas, event: string, message: unknown): string | undefined {
  if (event !== REQUEST) return undefined;
  const { event: name, data = null } = isJsonObject(message) ? message : {};
  return requestProblem(app, String(name), "data", data);
}

/** What is wrong with a value of the shared state; `undefined` if nothing is. */
export function stateProblem(app: AppSchemas, key: string, value: unknown): string | undefined {
  return app.state && namedProblem("key", app.state, key, value);
}

/** What is wrong with presence data; `undefined` if nothing is. */
export function presenceProblem(app: AppSchemas, data: unknown): string | undefined {
  return app.presence && problem("presence data", app.presence, data);
}

/** What is wrong with a request or the reply to it; `undefined` if nothing is. */
export function requestProblem(
  { requests }: AppSchemas,
  event: string,
  part: "data" | "reply",
  data: unknown,
): string | undefined {
  if (requests === undefined) return undefined;
  const schemas = Object.fromEntries(Object.entries(requests).map(([name, both]) => [name, both[part]]));
  return namedProblem(part === "data" ? "request" : "reply", schemas, event, data);
}

function namedProblem(what: string, schemas: Schemas, name: string, value: unknown): string | undefined {
  const schema = schemaOf(schemas, name);
  if (schema !== undefined) return problem(`${what} ${shown(name)}`, schema, value);
  return `${what} ${shown(name)} has no schema; there are schemas for ${Object.keys(schemas).join(", ") || "none"}`;
}

/** The schema of a name: its own, or that of the longest beginning. */
function schemaOf(schemas: Schemas, name: string): StandardSchema | undefined {
  if (Object.hasOwn(schemas, name)) return schemas[name];
  const beginnings = Object.keys(schemas).filter(
    (key) => key.endsWith("*") && name.startsWith(key.slice(0, -1)),
  );
  return schemas[beginnings.toSorted((one, other) => other.length - one.length)[0] ?? ""];
}

/** Validators put values into their messages, so a message can be as long as the data. */
const MAX_PROBLEM_CHARS = 300;

function problem(what: string, schema: StandardSchema, value: unknown): string | undefined {
  const result = schema["~standard"].validate(value);
  if ("then" in result) {
    result.catch(() => undefined);
    throw new TypeError(`the schema of ${what} is asynchronous, must be synchronous`);
  }
  const issue = result.issues?.[0];
  if (issue === undefined) return undefined;
  const path = (issue.path ?? []).map((step) => String(typeof step === "object" ? step.key : step)).join(".");
  const text = `${what} does not match its schema: ${path && `${path}: `}${issue.message}`;
  return text.length <= MAX_PROBLEM_CHARS ? text : `${text.slice(0, MAX_PROBLEM_CHARS)}…`;
}
