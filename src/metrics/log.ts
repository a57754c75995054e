/** How important a log line is, least first. */
const LEVELS = ["debug", "info", "warn", "error"] as const;

/** The importance of a log line. */
export type LogLevel = (typeof LEVELS)[number];

/** What a log line says beside its event: plain values, never a secret, a key or a message's data. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

let least: LogLevel = "info";

/** Sets the least important level that is written. Per isolate. */
export function setLogLevel(level: LogLevel): void {
  least = level;
}

/** Whether lines of a level are written. */
export function isLogged(level: LogLevel): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(least);
}

/** Writes one line of JSON: `event` names what happened, in snake_case. */
export function log(level: LogLevel, event: string, fields: LogFields = {}): void {
  if (!isLogged(level)) return;
  console[level](JSON.stringify({ level, event, ...fields }));
}
