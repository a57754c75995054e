/**
 * Whether two values are the same, or are arrays, Maps or plain objects whose elements are the same. Pass it to a hook whose
 * selector makes a new array or object each time.
 */
export function shallow(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  const [entries, others] = [entriesOf(one), entriesOf(other)];
  if (entries === undefined || others === undefined || Array.isArray(one) !== Array.isArray(other))
    return false;
  return (
    entries.size === others.size &&
    [...entries].every(([key, value]) => others.has(key) && Object.is(value, others.get(key)))
  );
}

function entriesOf(value: unknown): ReadonlyMap<unknown, unknown> | undefined {
  if (value instanceof Map) return value;
  return typeof value === "object" && value !== null ? new Map(Object.entries(value)) : undefined;
}
