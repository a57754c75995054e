import { OPTIONS } from "../../../src/config/options.ts";
import type { RetentionLimits } from "../../../src/room/log/retention.ts";

/** A retention by count, and by what else a test bounds; the rest is as wide as the options allow. */
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
