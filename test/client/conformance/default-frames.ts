/** The fields that a server's frame has besides those that a case names, by the type of the frame. */
export const DEFAULT_FRAMES: Readonly<Record<string, object>> = {
  welcome: {
    ...{ protocol: 1, session: "sessionsessionsession1", member: "membermembermembermem1" },
    ...{ time: 1_790_000_000_000, history: "durable", mode: "list", roster: "r1", count: 1, members: [] },
    ...{ state: {}, stateOffset: 0, pingIntervalMs: 25_000, silenceTimeoutMs: 150_000 },
    limits: {
      ...{ maxFrameBytes: 65_536, maxPresenceBytes: 1_024, windowChars: 262_144 },
      ...{ messagesPerSecond: 60, messagesBurst: 120, bytesPerSecond: 65_536, bytesBurst: 262_144 },
    },
  },
  message: { time: 1_790_000_000_001, from: "membermembermembermem2", event: "any", data: null },
  state: { time: 1_790_000_000_001, from: "membermembermembermem2" },
  presence: { roster: "r2", count: 1 },
  error: { message: "rejected by the test" },
};
