import { afterEach, describe, expect, it, vi } from "vitest";
import { log, setLogLevel, type LogLevel } from "../../../src/metrics/log.ts";

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

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
  it("[E1] a log entry is one line of JSON with level, event and fields", () => {
    const lines = catchLines("warn");

    log("warn", "room_unavailable", { room: 'a"\nb', tries: 3, isLast: true, absent: undefined });

    expect(lines).toEqual([
      '{"level":"warn","event":"room_unavailable","room":"a\\"\\nb","tries":3,"isLast":true}',
    ]);
  });

  it.each(LEVELS.flatMap((least) => LEVELS.map((level) => [least, level] as const)))(
    "[E1] with the log level %s an entry of the level %s is written if it is at least as severe",
    (least, level) => {
      setLogLevel(least);
      const lines = catchLines(level);

      log(level, "x");

      expect(lines).toHaveLength(LEVELS.indexOf(level) >= LEVELS.indexOf(least) ? 1 : 0);
    },
  );
});
