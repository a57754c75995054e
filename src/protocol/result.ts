import type { WireError } from "./errors.ts";

/** A value or an error. Functions that never throw return it. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: WireError };

/** Wraps a value. */
export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

/** Wraps an error. */
export function err(error: WireError): { readonly ok: false; readonly error: WireError } {
  return { ok: false, error };
}
