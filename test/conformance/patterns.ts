import { isJsonObject, type Json } from "../../src/protocol/json.ts";
import type { Pattern } from "./format.ts";

/** The values that differ in each run of a case: those of `$var`, and the epoch of its room. */
export class Bindings {
  readonly values = new Map<string, Json>();
  epoch: string | undefined;

  copy(): Bindings {
    const copy = new Bindings();
    for (const [name, value] of this.values) copy.values.set(name, value);
    copy.epoch = this.epoch;
    return copy;
  }

  assign({ values, epoch }: Bindings): void {
    for (const [name, value] of values) this.values.set(name, value);
    this.epoch = epoch;
  }
}

/** An object whose only field begins with a dollar sign. */
interface Matcher {
  readonly name: string;
  readonly argument: Json;
  /** The argument as text; "" for an array or an object. */
  readonly text: string;
}

function matcherIn(pattern: unknown): Matcher | undefined {
  const [entry, ...others] = isJsonObject(pattern) ? Object.entries(pattern) : [];
  if (entry === undefined || others.length > 0 || !entry[0].startsWith("$")) return undefined;
  const [name, argument] = entry as [string, Json];
  return { name, argument, text: typeof argument === "object" ? "" : String(argument) };
}

/** How a value differs from a pattern; `undefined` if it matches. A match binds the variables of the pattern. */
export function mismatch(
  pattern: Pattern,
  actual: unknown,
  bindings: Bindings,
  path = "",
): string | undefined {
  const differs = (wanted: unknown): string =>
    `${path || "the frame"} is ${JSON.stringify(actual)}, expected ${JSON.stringify(wanted)}`;
  const matcher = matcherIn(pattern);
  if (matcher !== undefined) return mismatchOf(matcher, actual, bindings, path, differs);
  if (Array.isArray(pattern)) {
    if (!Array.isArray(actual) || actual.length !== pattern.length) return differs(pattern);
    return firstOf(
      pattern.map((item, index) => mismatch(item, actual[index], bindings, `${path}[${index}]`)),
    );
  }
  if (isJsonObject(pattern)) {
    if (!isJsonObject(actual)) return differs(pattern);
    return firstOf(
      Object.entries(pattern).map(([key, value]) =>
        mismatch(value as Pattern, actual[key], bindings, path === "" ? key : `${path}.${key}`),
      ),
    );
  }
  return Object.is(pattern, actual) ? undefined : differs(pattern);
}

function mismatchOf(
  { name, argument, text }: Matcher,
  actual: unknown,
  bindings: Bindings,
  path: string,
  differs: (wanted: unknown) => string,
): string | undefined {
  switch (name) {
    case "$absent":
      return actual === undefined ? undefined : differs("nothing");
    case "$type":
      return typeOf(actual) === text ? undefined : differs(`any ${text}`);
    case "$var": {
      const known = bindings.values.get(text);
      if (known !== undefined) return Object.is(known, actual) ? undefined : differs(known);
      if (actual === undefined) return differs("any value");
      bindings.values.set(text, actual as Json);
      return undefined;
    }
    case "$position": {
      const [epoch = "", offset] = String(actual).split(":");
      if (offset !== text || epoch !== (bindings.epoch ?? epoch))
        return differs(`${bindings.epoch ?? "<epoch>"}:${text}`);
      bindings.epoch = epoch;
      return undefined;
    }
    case "$unordered":
      return mismatchInAnyOrder(argument as readonly Pattern[], actual, bindings, path, differs);
    default:
      throw new Error(`${name} is not a matcher`);
  }
}

function mismatchInAnyOrder(
  patterns: readonly Pattern[],
  actual: unknown,
  bindings: Bindings,
  path: string,
  differs: (wanted: unknown) => string,
): string | undefined {
  if (!Array.isArray(actual) || actual.length !== patterns.length) return differs(patterns);
  const left: unknown[] = [...(actual as unknown[])];
  for (const pattern of patterns) {
    const index = left.findIndex((item) => mismatch(pattern, item, bindings.copy(), path) === undefined);
    if (index === -1) return differs(patterns);
    mismatch(pattern, left[index], bindings, path);
    left.splice(index, 1);
  }
  return undefined;
}

/**
 * A value that matches a pattern: what a client sends, or what a server sends to the client under test.
 *
 * @param base the value of what the pattern leaves open; its other fields are added
 */
export function valueOf(pattern: Pattern, bindings: Bindings, base?: unknown): Json {
  const matcher = matcherIn(pattern);
  if (matcher !== undefined) {
    const { name, argument, text } = matcher;
    if (name === "$position") return `${(bindings.epoch ??= "anyEpoch")}:${text}`;
    if (name === "$unordered") return (argument as readonly Pattern[]).map((item) => valueOf(item, bindings));
    if (name === "$type") return (base as Json | undefined) ?? SAMPLES[text] ?? null;
    if (name !== "$var") throw new Error(`${name} has no value`);
    const known = bindings.values.get(text) ?? (base as Json | undefined);
    const value = known ?? text.padEnd(22, "_").slice(0, 22); // as long as an id
    bindings.values.set(text, value);
    return value;
  }
  if (Array.isArray(pattern)) return pattern.map((item) => valueOf(item, bindings));
  if (!isJsonObject(pattern)) return pattern;
  const fields = new Map<string, unknown>(isJsonObject(base) ? Object.entries(base) : []);
  for (const [key, value] of Object.entries(pattern)) {
    if (matcherIn(value)?.name === "$absent") fields.delete(key);
    else fields.set(key, valueOf(value as Pattern, bindings, fields.get(key)));
  }
  return Object.fromEntries(fields) as Json;
}

/** A value of each type. */
const SAMPLES: Readonly<Record<string, Json>> = {
  ...{ string: "any", number: 1, integer: 1_790_000_000_000, boolean: true, array: [], object: {} },
};

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

function firstOf(found: readonly (string | undefined)[]): string | undefined {
  return found.find((each) => each !== undefined);
}
