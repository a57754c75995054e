import { describe, expect, it } from "vitest";
import { kindOfRoom, type Kind } from "../../../src/config/config.ts";
import { kinds } from "../../../src/rooms.ts";
import { LIVE, type SendWindowRecord } from "../../../src/room/connections/send-window.ts";
import { Liveness } from "../../../src/room/connections/liveness.ts";
import { Sessions, type Session } from "../../../src/room/connections/sessions.ts";
import { readConfig } from "../../support/config.ts";

const NOW = 1_800_000_000_000;
const HOUR_MS = 3_600_000;

const KIND: Kind = kindOfRoom(readConfig({}, kinds), "room");

/** The silence timeout, including the resolution of the last activity. */
const PATIENCE_MS = KIND.silenceTimeoutMs + 15_000;

/** The connections of a room with real sockets, and when the platform answered the last ping of each. */
function connections(): {
  readonly liveness: Liveness;
  readonly add: (heardAt: number, pingedAt?: number, sendWindow?: SendWindowRecord) => Session;
} {
  const sessions = new Sessions(() => [], KIND);
  const pings = new Map<WebSocket, number>();
  const liveness = new Liveness(KIND, sessions, (socket) => pings.get(socket) ?? 0);
  let count = 0;
  return {
    liveness,
    add: (heardAt, pingedAt = 0, sendWindow = { sent: 0, state: LIVE }) => {
      const { 0: socket } = new WebSocketPair();
      pings.set(socket, pingedAt);
      const [session, member] = [`session ${++count}`, `member ${count}`];
      const of = { user: "", dialect: "json", mode: "list", joinedAt: heardAt } as const;
      return sessions.add(socket, { session, member, heardAt, ...of }, sendWindow);
    },
  };
}

describe("a clock that was set back", () => {
  it("[L4 G10] a clock that was set back makes each earlier ping count as now, once, although the last frame is old", () => {
    const { liveness, add } = connections();
    const pinging = add(NOW - 2 * HOUR_MS, NOW);
    const silent = add(NOW - 2 * HOUR_MS);
    const back = NOW - HOUR_MS;

    liveness.hearPings(back);
    liveness.restart(back);

    expect(liveness.silent(back)).toEqual([silent]);
    expect(liveness.silent(back + PATIENCE_MS - 1)).toEqual([silent]);
    liveness.restart(back + PATIENCE_MS); // The first turn after the object was loaded again.
    expect(liveness.silent(back + PATIENCE_MS)).toEqual([pinging, silent]);
    expect(liveness.nextCheck(back)).toBeLessThanOrEqual(back);
  });

  it("[L4] a clock that was set back restarts a silence that would begin in the future, once", () => {
    const { liveness, add } = connections();
    const session = add(NOW);
    const back = NOW - HOUR_MS;

    expect(liveness.restart(back)).toBe(true);
    expect(liveness.restart(back + 1)).toBe(false);

    expect(session.record).toMatchObject({ heardAt: back, joinedAt: back });
    expect(liveness.silent(back + PATIENCE_MS - 1)).toEqual([]);
    expect(liveness.silent(back + PATIENCE_MS)).toEqual([session]);
  });

  it("[L5 G7] a clock that was set back restarts a stall that would begin in the future, once", () => {
    const { liveness, add } = connections();
    const behind = { is: "behind", offset: 1, epoch: "e", stalledAt: NOW, hasMissedPresence: false } as const;
    const session = add(NOW - 2 * HOUR_MS, 0, { sent: 1, seen: 0, state: behind });
    const back = NOW - HOUR_MS;

    expect(liveness.restart(back)).toBe(true);
    expect(liveness.restart(back + 1)).toBe(false);

    expect(session.sendWindow.stalledAt).toBe(back);
    expect(liveness.stalled(back + KIND.slowTimeoutMs - 1)).toEqual([]);
    expect(liveness.stalled(back + KIND.slowTimeoutMs)).toEqual([session]);
  });

  it("[L4 F7] a ping slightly ahead of the clock counts as now, because the clock stops during a turn", () => {
    const { liveness, add } = connections();
    add(NOW - HOUR_MS, NOW + 1_000);

    expect(liveness.silent(NOW)).toEqual([]);
  });
});
