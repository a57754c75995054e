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
