import type { Json } from "parlor/client";

/** The fields of an object that another client has sent. Anything else has none. */
export function fieldsOf(data: Json | undefined): Readonly<Record<string, unknown>> {
  return typeof data === "object" && data !== null && !isArray(data) ? data : {};
}

function isArray(data: Json): data is readonly Json[] {
  return Array.isArray(data);
}
