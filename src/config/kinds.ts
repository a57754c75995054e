import type { KindOptions } from "./options.ts";

/** Where a room may be told to live; Cloudflare takes it as a hint. */
export type LocationHint = "wnam" | "enam" | "sam" | "weur" | "eeur" | "apac" | "oc" | "afr" | "me";

/**
 * What the rooms of one kind have in common. A room's name begins with its kind and a colon, `doc:spec-42`; without
 * one it is of the kind `default`.
 */
export interface KindDefinition extends Partial<KindOptions> {
  /** One sentence for the people who choose a kind. */
  readonly text: string;
  /** Where rooms of this kind live. @default near whoever joins first */
  readonly location?: LocationHint;
}

/** The kinds of a server, by name. `default` must be among them. */
export type Kinds = { readonly default: KindDefinition } & { readonly [name: string]: KindDefinition };

/** Checks a kind's shape where it is written; its values are checked with the whole configuration. */
export function defineKind(definition: KindDefinition): KindDefinition {
  return definition;
}
