import type { ServerProcess } from "../../support/server-process.ts";
import type { Dialect } from "./dialect.ts";

/** How to start a server. */
export interface StartOptions {
  /** The command to run the server with, such as `taskset`. */
  readonly runner: readonly string[];
  /** Variables for Parlor's Worker. They override those that lift its limits. Other servers have none. */
  readonly vars?: Readonly<Record<string, string>>;
}

/** A server to compare, with the protocol of its clients. */
export interface Contender {
  /** Its name in options and results. */
  readonly name: string;
  /** A one-line description. */
  readonly about: string;
  /** Whether it is allowed to drop messages. @default false */
  readonly isLossy?: true;
  readonly dialect: Dialect;
  start(options: StartOptions): Promise<ServerProcess>;
}
