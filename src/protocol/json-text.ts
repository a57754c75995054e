/**
 * Writes a value as JSON text. `undefined` becomes null, and is left out of objects, as in `JSON.stringify`. A value with a
 * `toJSON`, for example a `Date`, becomes the value that it returns.
 *
 * @throws TypeError for values that `JSON.stringify` would silently leave out or turn into null or `{}`: a `Map`, a function,
 *   a number that is not finite, bytes inside data. Also for values on which `JSON.stringify` throws, such as a cycle
 */
export function jsonText(data: unknown): string {
  return JSON.stringify(data, carried) ?? "null";
}

/** Whether a value is an object whose contents are its fields, unlike a `Map`. */
export function isPlain(value: unknown): boolean {
  return kindOf(value) === "Object";
}

/** A replacer that returns the value or throws. `this` holds the value from before its `toJSON`. */
function carried(this: unknown, key: string, value: unknown): unknown {
  const original = (this as Readonly<Record<string, unknown>>)[key];
  const isCarried =
    CARRIED.test(kindOf(value)) &&
    (typeof value !== "number" || Number.isFinite(value)) &&
    // At this point an invalid date is already null, and a Node Buffer is an object.
    !(value === null && original !== null) &&
    !ArrayBuffer.isView(original);
  if (isCarried) return value;
  const what = typeof original === "number" ? original : `a ${kindOf(original)}`;
  throw new TypeError(
    `${key === "" ? "the data" : JSON.stringify(key)} is ${what}, which JSON cannot represent`,
  );
}

const CARRIED = /^(Object|Array|String|Number|Boolean|Null|Undefined)$/;

/** The type of a value, from any realm: "Object", "Array", "Map", "Function". */
function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}
