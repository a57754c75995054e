import type { Contender } from "../contenders/contender.ts";

/** A figure that a scenario measures. */
export interface Metric {
  readonly name: string;
  readonly unit: string;
  /** Which way is better; absent where neither is. */
  readonly better?: "more" | "less";
}

/** How large a run is. */
export interface Size {
  /** Members, or connections, in all. */
  readonly members: number;
  /** How long to measure; absent where a scenario ends by itself. */
  readonly seconds: number;
}

/** What a run came to. */
export interface Outcome {
  /** By the name of the metric; absent where it could not be read. */
  readonly values: Readonly<Record<string, number | undefined>>;
  /** What was not as it should be, in words. */
  readonly flaws: readonly string[];
  /** What else there is to say, in words. */
  readonly notes?: readonly string[];
}

/** What a run is given. */
export interface Setup {
  readonly contender: Contender;
  /** The command that runs a server on its own core. */
  readonly runner: readonly string[];
  readonly size: Size;
  /** Shows what goes on. */
  readonly progress: (text: string) => void;
}

/** One thing to measure. */
export interface Scenario {
  readonly name: string;
  /** What is done, in a line. */
  readonly about: (size: Size) => string;
  readonly metrics: readonly Metric[];
  /** The servers that can take part. */
  readonly contenders: readonly string[];
  readonly size: Size;
  readonly quickSize: Size;
  /** Starts a server, measures it and ends it. */
  readonly run: (setup: Setup) => Promise<Outcome>;
}
