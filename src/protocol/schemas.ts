// The entry `parlor/schemas` of the package, for the file that a client and a server share.
export { defineApp, type AppOf, type AppSchemas } from "./app-schemas.ts";
export type { AppTypes } from "./app-types.ts";
export type { StandardSchema } from "./standard-schema.ts";
