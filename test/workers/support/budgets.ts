/** Budgets for tests about something else: no session can spend them, and rejections have no consequences. */
export const UNSPENT = {
  maxRefusals: 10_000,
  messagesPerSecond: 1_000,
  messagesBurst: 10_000,
  bytesPerSecond: 16_777_216,
  bytesBurst: 67_108_864,
} as const;
