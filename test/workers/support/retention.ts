import { OPTIONS } from "../../../src/config/options.ts";
import type { RetentionLimits } from "../../../src/room/log/retention.ts";

/** A retention by count, and by the other limits that a test sets. All others are as wide as the options allow. */
export function retentionOf(
  historyMaxMessages: number,
  others: Partial<RetentionLimits> = {},
): RetentionLimits {
  return {
    historyMaxMessages,
    historyMaxBytes: OPTIONS.historyMaxBytes.max,
    historyMaxAgeMs: OPTIONS.historyMaxAgeMs.max,
    ...others,
  };
}
