import type { Contender } from "../contenders/contender.ts";

/** A figure that a scenario measures. */
export interface Metric {
  readonly name: string;
  readonly unit: string;
  /** Which direction is better. Absent if neither is. */
  readonly better?: "more" | "less";
}

/** The size of a run. */
export interface Size {
  /** The total number of members or connections. */
  readonly members: number;
  /** How long to measure; in `restart`, how long the server is down. 0 if the scenario ends on its own. */
  readonly seconds: number;
}

/** The results of a run. */
export interface Outcome {
  /** The values by metric name. Absent if a value could not be read. */
  readonly values: Readonly<Record<string, number | undefined>>;
  /** Everything that makes the values doubtful, as text. */
  readonly flaws: readonly string[];
  /** Further remarks, as text. */
  readonly notes?: readonly string[];
}

/** The parameters of a run. */
export interface Setup {
  readonly contender: Contender;
  /** The command that runs a server on its own core. */
  readonly runner: readonly string[];
  readonly size: Size;
  /** Shows progress. */
  readonly progress: (text: string) => void;
}

/** A scenario to measure. */
export interface Scenario {
  readonly name: string;
  /** A one-line description. */
  readonly about: (size: Size) => string;
  readonly metrics: readonly Metric[];
  /** The servers that can take part. */
  readonly contenders: readonly string[];
  readonly size: Size;
  readonly quickSize: Size;
  /** Starts a server, measures it and ends it. */
  readonly run: (setup: Setup) => Promise<Outcome>;
}
