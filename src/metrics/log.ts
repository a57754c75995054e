import { LOG_EVENTS, LOG_LEVELS, type LogEvent, type LogFields, type LogLevel } from "./log-events.ts";

let least: LogLevel = "info";

/** Sets the minimum level that this isolate writes. */
export function setLogLevel(level: LogLevel): void {
  least = level;
}

/** Whether lines of a level are written. */
export function isLogged(level: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least);
}

/** Writes one line of JSON, if the level of the event is written. */
export function log<Event extends LogEvent>(event: Event, fields: LogFields<Event>): void {
  const { level } = LOG_EVENTS[event];
  if (!isLogged(level)) return;
  console[level](JSON.stringify({ level, event, ...fields }));
}
