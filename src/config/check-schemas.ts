import { shown } from "../protocol/shown.ts";
import { isObject } from "./check-hooks.ts";
import type { Objects } from "./values.ts";

/** The parts of an application that have a schema for each name. */
const NAMED = ["events", "state"];

/** Checks the schemas of a kind. They may come from untyped code. */
export function checkSchemas(schemas: unknown, objects: Objects): void {
  if (schemas === undefined) return;
  if (!isObject(schemas)) return objects(`schemas is ${shown(schemas)}, must be an object`);
  for (const [part, value] of Object.entries(schemas)) {
    const where = `schemas.${part}`;
    if (value === undefined) continue;
    if (part === "presence") checkSchema(where, value, objects);
    else if (part === "requests") each(where, value, objects, checkRequest);
    else if (NAMED.includes(part)) each(where, value, objects, checkSchema);
    else objects(`${where} is not a part of an application; the parts are events, state, presence, requests`);
  }
}

type Check = (where: string, value: unknown, objects: Objects) => void;

function each(where: string, byName: unknown, objects: Objects, check: Check): void {
  if (!isObject(byName))
    return objects(`${where} is ${shown(byName)}, must be an object with a schema for each name`);
  for (const [name, value] of Object.entries(byName)) check(`${where}.${name}`, value, objects);
}

function checkRequest(where: string, value: unknown, objects: Objects): void {
  if (!isObject(value))
    return objects(`${where} is ${shown(value)}, must be an object with the schemas data and reply`);
  const { data, reply } = value as Readonly<Record<string, unknown>>;
  checkSchema(`${where}.data`, data, objects);
  checkSchema(`${where}.reply`, reply, objects);
}

/** Calls the validator once, with data that any client can send, because nothing else shows whether it is asynchronous. */
function checkSchema(where: string, schema: unknown, objects: Objects): void {
  const validate = validatorOf(schema);
  if (validate === undefined)
    return objects(`${where} is not a schema; use a library that implements https://standardschema.dev`);
  let result: unknown;
  try {
    result = validate(null);
  } catch (error) {
    return objects(`${where} throws for null, must return what is wrong with it: ${shown(String(error))}`);
  }
  if (!(result instanceof Promise)) return;
  result.catch(() => undefined);
  // Zod returns a promise for an error, too.
  objects(
    `${where} returns a promise for null, must be synchronous and not throw; it runs in the turn of an act`,
  );
}

function validatorOf(schema: unknown): ((value: unknown) => unknown) | undefined {
  // ArkType's schemas are functions.
  if (typeof schema !== "function" && !isObject(schema)) return undefined;
  const standard = (schema as Readonly<Record<string, unknown>>)["~standard"];
  if (!isObject(standard)) return undefined;
  const { validate } = standard as Readonly<Record<string, unknown>>;
  return typeof validate === "function" ? (value) => validate.call(standard, value) as unknown : undefined;
}
