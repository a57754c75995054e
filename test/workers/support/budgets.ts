/** Budgets that no test spends, for what is about something else: a session may send and be refused as much as it likes. */
export const UNSPENT = {
  maxRefusals: 10_000,
  messagesPerSecond: 1_000,
  messagesBurst: 10_000,
  bytesPerSecond: 16_777_216,
  bytesBurst: 67_108_864,
} as const;
