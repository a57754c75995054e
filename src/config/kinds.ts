import type { Grant } from "../protocol/capabilities.ts";
import type { HistoryMode } from "../protocol/contract.ts";
import type { KindHooks } from "./hooks.ts";
import type { KindOptions } from "./options.ts";

/** Where a room may be told to live; Cloudflare takes it as a hint. */
export type LocationHint = "wnam" | "enam" | "sam" | "weur" | "eeur" | "apac" | "oc" | "afr" | "me";

/** Where a room's data must stay; Cloudflare guarantees it. */
export type Jurisdiction = (typeof JURISDICTIONS)[number];

/** The jurisdictions there are (2026-06-26). */
export const JURISDICTIONS = ["eu", "fedramp", "fedramp-high", "us"] as const;

/**
 * What the rooms of one kind have in common. A room's name begins with its kind and a colon, `doc:spec-42`; without
 * one it is of the kind `default`.
 */
export interface KindDefinition extends Partial<KindOptions> {
  /** One sentence for the people who choose a kind. */
  readonly text: string;
  /** Where rooms of this kind live. @default near whoever joins first */
  readonly location?: LocationHint;
  /** Where rooms of this kind must be. Set it once: under another jurisdiction a name is another room. Not together
   * with a location. @default anywhere */
  readonly jurisdiction?: Jurisdiction;
  /**
   * What becomes of recorded messages and state: stored; kept in memory for as long as the room is awake; or, with
   * `none`, messages not kept at all. @default "durable"
   */
  readonly history?: HistoryMode;
  /**
   * Whether one may join without a token, and what one may do then: `true` for everything but `moderate`, or a list of
   * capabilities. @default false
   */
  readonly anonymous?: boolean | readonly Grant[];
  /** What the kind adds to its rooms. */
  readonly hooks?: KindHooks;
}

/** The kinds of a server, by name. `default` must be among them. */
export type Kinds = { readonly default: KindDefinition } & { readonly [name: string]: KindDefinition };

/** Checks a kind's shape where it is written; its values are checked with the whole configuration. */
export function defineKind(definition: KindDefinition): KindDefinition {
  return definition;
}
