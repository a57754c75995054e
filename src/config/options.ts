import { KIND_OPTIONS } from "./kind-options.ts";
import { SERVER_OPTIONS } from "./server-options.ts";

/**
 * Every option there is. README's table is generated from this one.
 *
 * A default of Parlor's own choosing has its reason in the text; a bound set by the platform names it.
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

/** The options that hold for the whole server. */
export type ServerOptions = Omit<OptionValues, KindOptionName>;
