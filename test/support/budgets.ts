import { OPTIONS } from "../../src/config/options.ts";

/** Budgets for tests about something else: no session can spend them, and rejections have no consequences. */
export const UNSPENT = {
  maxRefusals: 10_000,
  messagesPerSecond: 1_000,
  messagesBurst: 10_000,
  bytesPerSecond: 16_777_216,
  bytesBurst: 67_108_864,
} as const;

/** The same budgets as variables of a server. */
export const UNSPENT_VARS: Readonly<Record<string, string>> = Object.fromEntries(
  (Object.keys(UNSPENT) as (keyof typeof UNSPENT)[]).map((name) => [
    OPTIONS[name].env,
    String(UNSPENT[name]),
  ]),
);
