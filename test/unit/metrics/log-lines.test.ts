import { afterEach, describe, expect, it, vi } from "vitest";
import { LOG_EVENTS, LOG_LEVELS, type LogEvent, type LogLevel } from "../../../src/metrics/log-events.ts";
import { log, setLogLevel } from "../../../src/metrics/log.ts";

/** An event of each level. */
const EVENTS = {
  debug: "room_loaded",
  info: "revoked",
  warn: "ratelimit_failed",
  error: "turn_failed",
} as const satisfies Record<LogLevel, LogEvent>;

/** Captures the lines of a level, so that they are not printed. */
function catchLines(level: LogLevel): string[] {
  const lines: string[] = [];
  vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(line));
  return lines;
}

afterEach(() => {
  vi.restoreAllMocks();
  setLogLevel("info");
});

describe("log lines", () => {
  it.each(LOG_LEVELS)("the event that these tests use for the level %s has that level", (level) => {
    expect(LOG_EVENTS[EVENTS[level]].level).toBe(level);
  });

  it("[E1] a log entry is one line of JSON with level, event and fields", () => {
    const lines = catchLines("info");

    log("refused", { room: 'a"\nb', code: "bad_frame", limit: undefined, count: 3 });

    expect(lines).toEqual([
      '{"level":"info","event":"refused","room":"a\\"\\nb","code":"bad_frame","count":3}',
    ]);
  });

  it.each(LOG_LEVELS.flatMap((least) => LOG_LEVELS.map((level) => [least, level] as const)))(
    "[E1] with the log level %s an entry of the level %s is written if it is at least as severe",
    (least, level) => {
      setLogLevel(least);
      const lines = catchLines(level);

      log(EVENTS[level], {});

      expect(lines).toHaveLength(LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least) ? 1 : 0);
    },
  );
});
