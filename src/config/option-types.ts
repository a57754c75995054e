/** A whole number with bounds, set by a variable of the Worker, or per kind in `src/rooms.ts`. */
export interface NumberOption {
  readonly env: string;
  readonly unit: string;
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** `kind`: a kind may set its own; `server`: one for all. */
  readonly scope: "kind" | "server";
  readonly text: string;
}

/** One of a few words, set by a variable of the Worker. */
export interface ChoiceOption {
  readonly env: string;
  readonly unit: string;
  readonly default: string;
  readonly values: readonly string[];
  readonly scope: "server";
  readonly text: string;
}

/** A text, or a list of them separated by commas; a secret when it is marked so. */
export interface TextOption {
  readonly env: string;
  readonly unit: string;
  readonly default: "";
  readonly scope: "server";
  /** Set by `wrangler secret put`, not in wrangler.toml; never logged. */
  readonly secret?: true;
  readonly text: string;
}
