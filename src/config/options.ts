import { KIND_OPTIONS } from "./kind-options.ts";
import { SERVER_OPTIONS } from "./server-options.ts";

/** A whole number with bounds. It is set by a variable of the Worker, or by a kind in `src/rooms.ts`. */
export interface NumberOption {
  readonly env: string;
  readonly unit: string;
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** `kind`: a kind may set its own value. `server`: one value for all rooms. */
  readonly scope: "kind" | "server";
  readonly text: string;
}

/** One of a list of words. It is set by a variable of the Worker. */
export interface ChoiceOption {
  readonly env: string;
  readonly unit: string;
  readonly default: string;
  readonly values: readonly string[];
  readonly scope: "server";
  readonly text: string;
}

/** A text, or a list of texts separated by commas. */
export interface TextOption {
  readonly env: string;
  readonly unit: string;
  readonly default: "";
  readonly scope: "server";
  /** Whether it is a secret. Secrets are set by `wrangler secret put`, not in wrangler.toml, and are never logged. */
  readonly secret?: true;
  readonly text: string;
}

/**
 * Every option. The table in the documentation is generated from this one.
 *
 * A text begins with what the option does, and says what happens at the limit. It gives the reason of a default that Parlor
 * chose, and names a bound that the platform sets.
 */
export const OPTIONS = { ...KIND_OPTIONS, ...SERVER_OPTIONS } as const;

type Options = typeof OPTIONS;

/** The value of an option: a number, one of its words, or a text. */
type OptionValue<Row> = Row extends { readonly values: readonly (infer Word)[] }
  ? Word
  : Row extends { readonly default: "" }
    ? string
    : number;

/** The value of every option. */
export type OptionValues = { readonly [Name in keyof Options]: OptionValue<Options[Name]> };

/** The options that a kind may set for itself. */
export type KindOptionName = {
  [Name in keyof Options]: Options[Name]["scope"] extends "kind" ? Name : never;
}[keyof Options];

/** The options of a room, once its kind is known. */
export type KindOptions = Pick<OptionValues, KindOptionName>;

/** The options of the whole server. */
export type ServerOptions = Omit<OptionValues, KindOptionName>;
