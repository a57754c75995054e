/** An object in which every optional field may also be undefined. */
type MaybeUndefined<T> = {
  readonly [Key in keyof T]: object extends Pick<T, Key> ? T[Key] | undefined : T[Key];
};

/**
 * Leaves out the fields that are undefined, and keeps the order of the others. The result has the type that the caller
 * expects, so a field that this type does not have is an error.
 *
 * Code that runs for each message uses `...(x !== undefined && { x })` instead, which is faster for a few fields.
 */
export function defined<T extends object>(fields: NoInfer<MaybeUndefined<T>>): T {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) if (value !== undefined) result[key] = value;
  return result as T;
}
