/**
 * Writes a value as JSON text. `undefined` becomes null, and is left out of objects, as in JSON. A value with a `toJSON`,
 * for example a `Date`, becomes what that returns.
 *
 * @throws TypeError for values that `JSON.stringify` would silently leave out or turn into null or `{}`: a `Map`, a function,
 *   a number that is not finite, bytes inside of data. Also for values for which it throws, such as a cycle
 */
export function jsonText(data: unknown): string {
  return JSON.stringify(data, carried) ?? "null";
}

/** Whether a value is an object with fields, and not a `Map` or another whose contents are not fields. */
export function isPlain(value: unknown): boolean {
  return kindOf(value) === "Object";
}

/** A replacer: returns the value, or throws. `this` holds the value as it was before its `toJSON`. */
function carried(this: unknown, key: string, value: unknown): unknown {
  const original = (this as Readonly<Record<string, unknown>>)[key];
  const isCarried =
    CARRIED.test(kindOf(value)) &&
    (typeof value !== "number" || Number.isFinite(value)) &&
    // When this is called, an invalid date is already null, and a Node Buffer an object.
    !(value === null && original !== null) &&
    !ArrayBuffer.isView(original);
  if (isCarried) return value;
  const what = typeof original === "number" ? original : `a ${kindOf(original)}`;
  throw new TypeError(`${key === "" ? "the data" : JSON.stringify(key)} is ${what}, which JSON cannot carry`);
}

const CARRIED = /^(Object|Array|String|Number|Boolean|Null|Undefined)$/;

/** The type of a value, from any realm: "Object", "Array", "Map", "Function". */
function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}
