import { KIND_OPTIONS } from "./kind-options.ts";
import { SERVER_OPTIONS } from "./server-options.ts";

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
