/** The levels of log lines, in ascending order. */
const LEVELS = ["debug", "info", "warn", "error"] as const;

/** The level of a log line. */
export type LogLevel = (typeof LEVELS)[number];

/** The fields of a log line besides its event: plain values, never a secret, a key or the data of a message. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

let least: LogLevel = "info";

/** Sets the minimum level that this isolate writes. */
export function setLogLevel(level: LogLevel): void {
  least = level;
}

/** Whether lines of a level are written. */
export function isLogged(level: LogLevel): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(least);
}

/** Writes one line of JSON. `event` names the event in snake_case. */
export function log(level: LogLevel, event: string, fields: LogFields = {}): void {
  if (!isLogged(level)) return;
  console[level](JSON.stringify({ level, event, ...fields }));
}
