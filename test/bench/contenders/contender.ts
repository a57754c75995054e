import type { ServerProcess } from "../../support/server-process.ts";
import type { Dialect } from "./dialect.ts";

/** How to start a server. */
export interface StartOptions {
  /** The command that runs the server's own, such as `taskset`. */
  readonly runner: readonly string[];
  /** Variables of Parlor's Worker, over those that keep its limits out of the way. Others have none. */
  readonly vars?: Readonly<Record<string, string>>;
}

/** A server to compare, with a way to speak to it. */
export interface Contender {
  /** What it is called in options and results. */
  readonly name: string;
  /** What it is, in a line. */
  readonly about: string;
  /** Whether it may leave messages out of what it delivers, and says so. @default false */
  readonly isLossy?: true;
  readonly dialect: Dialect;
  start(options: StartOptions): Promise<ServerProcess>;
}
