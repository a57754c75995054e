import type { AppOf, AppSchemas } from "../protocol/app-schemas.ts";
import type { AppTypes } from "../protocol/app-types.ts";
import type { Grant } from "../protocol/capabilities.ts";
import type { HistoryMode } from "../protocol/contract.ts";
import type { KindHooks, RoomIdentity } from "./hooks.ts";
import type { KindOptions } from "./options.ts";

/** A region in which a room should run. Cloudflare takes it as a hint. */
export type LocationHint = "wnam" | "enam" | "sam" | "weur" | "eeur" | "apac" | "oc" | "afr" | "me";

/** A jurisdiction in which a room's data must stay. Cloudflare guarantees it. */
export type Jurisdiction = (typeof JURISDICTIONS)[number];

/** The jurisdictions of the platform (2026-06-26). */
export const JURISDICTIONS = ["eu", "fedramp", "fedramp-high", "us"] as const;

/**
 * What the rooms of one kind have in common. A room's name begins with its kind and a colon: `doc:spec-42`. A room whose
 * name has no colon has the kind `default`.
 */
export interface KindDefinition<App extends AppTypes = AppTypes> extends Partial<KindOptions> {
  /** A sentence that says what the kind is for. */
  readonly text: string;
  /** Where rooms of this kind run. @default near the client that joins first */
  readonly location?: LocationHint;
  /** Where rooms of this kind must run. Do not change it: under another jurisdiction a name is another room. Cannot be set
   * together with a location. @default anywhere */
  readonly jurisdiction?: Jurisdiction;
  /**
   * Where rooms keep recorded messages and state. `durable`: in storage. `memory`: in memory, while the room is awake.
   * `none`: like `memory`, but messages are not kept at all. @default "durable"
   */
  readonly history?: HistoryMode;
  /**
   * Whether a client may join without a token, and what it may do then. `true` allows everything except `moderate`. A list
   * allows the listed capabilities. @default false
   */
  readonly anonymous?: boolean | readonly Grant[];
  /** Functions that run on joins, acts and leaves. */
  readonly hooks?: KindHooks<App>;
  /**
   * Schemas of any Standard Schema library for messages, shared state, presence data and requests. What a member sends is
   * rejected with `invalid_data` if it does not match, before any hook is called. They must be synchronous. @default no checks
   */
  readonly schemas?: AppSchemas;
  /**
   * Makes the hooks of one room, for rules that remember something: functions that share variables, or an object of a class.
   * It is called before the first hook of each life of the room. What the object remembers is lost when the room hibernates,
   * so keep in the shared state what must last. A kind has either `hooks` or `create`.
   */
  readonly create?: (room: RoomIdentity) => KindHooks<App>;
}

/** The kinds of a server, by name. `default` must be among them. */
export type Kinds = { readonly default: KindDefinition } & { readonly [name: string]: KindDefinition };

/**
 * Checks the types of a kind's definition. The server checks its values with the whole configuration. With `schemas`, the hooks
 * have the types of the schemas.
 */
export function defineKind<const Schemas extends AppSchemas>(
  definition: KindDefinition<AppOf<Schemas>> & { readonly schemas: Schemas },
): KindDefinition;
/**
 * @template App the types of what members send, for the hooks. Nothing checks them when data arrives, unless there are `schemas`.
 * @default any JSON
 */
export function defineKind<App extends AppTypes = AppTypes>(definition: KindDefinition<App>): KindDefinition;
export function defineKind(definition: KindDefinition): KindDefinition {
  return definition;
}
