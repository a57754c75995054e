/**
 * A validator of any library that follows https://standardschema.dev, such as Valibot, Zod and ArkType. This is the part of the
 * specification's interface that Parlor uses. The specification recommends a copy in place of a dependency.
 *
 * @template Input the type of the data that it accepts
 * @template Output the type of the result, which Parlor does not use
 */
export interface StandardSchema<Input = unknown, Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    /** Only a type. Absent when the program runs. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** The result of a validation: a value, or what is wrong with it. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/** One thing that is wrong with a value. */
export interface StandardIssue {
  readonly message: string;
  /** The names of the fields that lead to the invalid value. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The type of the data that a schema accepts. */
export type InputOf<Schema> =
  Schema extends StandardSchema<unknown, unknown>
    ? NonNullable<Schema["~standard"]["types"]>["input"]
    : never;
